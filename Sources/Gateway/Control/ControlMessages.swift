import Base
package import JSON

/// One command on the control socket: a JSON object on one line.
///
/// `{"method": "approvals.list", "params": {…}, "credential": {"approver": "ana", "passphrase": "…"}}`
package struct ControlRequest: Sendable {
    package let method: String
    package let params: JSONNode?
    package let credential: Credential?

    /// What an approver proves to be one with; asked from a terminal, never stored.
    package struct Credential: Sendable {
        package let approver: String
        package let passphrase: [UInt8]
    }

    package static let byteCountLimit = 4 << 20

    package init(_ root: JSONNode) throws(ControlError) {
        guard let method = root["method"]?.string else {
            throw ControlError(.usage, "the request has no `method`")
        }
        self.method = method
        params = root["params"]
        if let credential = root["credential"] {
            guard let approver = credential["approver"]?.string,
                let passphrase = credential["passphrase"]?.utf8
            else { throw ControlError(.usage, "a credential has `approver` and `passphrase`") }
            self.credential = Credential(approver: approver, passphrase: passphrase)
        } else {
            credential = nil
        }
    }

    package func string(_ key: StaticString) -> String? { params?[key]?.string }
    package func int(_ key: StaticString) -> Int? {
        params?[key]?.number?.int64.flatMap { Int(exactly: $0) }
    }

    /// The texts of an object, by its keys.
    func texts(_ key: StaticString) -> [String: String] {
        (params?[key]?.members.map { $0 } ?? []).reduce(into: [:]) {
            $0[$1.key.text] = $1.value.string
        }
    }

    package func bool(_ key: StaticString) -> Bool { params?[key]?.bool ?? false }

    package func required(_ key: StaticString) throws(ControlError) -> String {
        guard let value = string(key) else {
            throw ControlError(.usage, "the parameter `\(key)` is missing")
        }
        return value
    }
}

/// A command that was not done, in words a person can act on.
package struct ControlError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The exit codes of the command line.
    package enum Code: Int, Sendable {
        case refused = 1
        case usage = 2
        case unreachable = 3
        case broken = 4
        case timeout = 5
    }

    package let code: Code
    package let description: String
    package let hint: String?

    package init(_ code: Code, _ description: String, hint: String? = nil) {
        self.code = code
        self.description = description
        self.hint = hint
    }

    var text: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.key("code")
        writer.number(code.rawValue)
        writer.key("message")
        writer.string(description)
        if let hint {
            writer.key("hint")
            writer.string(hint)
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }
}

/// What a command may do.
package enum ControlLevel: Sendable {
    /// Look; needs the peer's uid.
    case observe
    /// Answer questions; needs the passphrase of an approver.
    case decide
    /// Change who may do what; needs the passphrase of an admin.
    case administer
    /// Look at what others did in an emergency; needs the passphrase of anybody with a role.
    case review
    /// Narrow what agents may do: anyone who may observe may stop things.
    case restrict

    /// Whether somebody must prove who they are.
    package var needsPerson: Bool { self == .decide || self == .administer || self == .review }

    /// Refuses a person whose roles do not reach this.
    func check(_ person: Person?) throws(ControlError) {
        guard needsPerson else { return }
        guard let person else {
            throw ControlError(.refused, "this needs an approver's passphrase")
        }
        let role: Role
        switch self {
        case .decide: role = .approver
        case .administer: role = .admin
        case .review, .observe, .restrict: return
        }
        guard person.roles.contains(role) else {
            throw ControlError(
                .refused,
                "`\(person.name)` has no role `\(role.rawValue)`",
                hint: "`gatehouse approvers list` shows who has it"
            )
        }
    }
}
