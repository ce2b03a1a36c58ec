import Base
import JSON
import Policy

/// Reads, key by key, one thing that was kept in the state store.
struct KeptForm {
    private let kind: String
    private let node: JSONNode

    /// - Parameter kind: what it is, and the key that holds the number of its form.
    init(_ node: JSONNode, of kind: String) throws(KeptFormError) {
        self.kind = kind
        self.node = node
        guard try whole(kind) == 1 else { throw fault(kind) }
    }

    /// A part of something kept, read under the same name.
    private init(part node: JSONNode, of kind: String) {
        self.kind = kind
        self.node = node
    }

    subscript(key: String) -> JSONNode? { node.member(key) }

    func fault(_ key: String) -> KeptFormError { KeptFormError(kind: kind, key: key) }

    /// What `read` makes of the text, which is nil for what it does not know.
    func text<Value>(_ key: String, as read: (String) -> Value?) throws(KeptFormError) -> Value {
        guard let value = read(try text(key)) else { throw fault(key) }
        return value
    }

    func text(_ key: String) throws(KeptFormError) -> String {
        guard let text = node.member(key)?.string else { throw fault(key) }
        return text
    }

    func name<Name: ShortName>(_ key: String) throws(KeptFormError) -> Name {
        try text(key) { try? Name($0) }
    }

    func whole(_ key: String) throws(KeptFormError) -> Int64 {
        guard let value = node.member(key)?.number?.int64 else { throw fault(key) }
        return value
    }

    func time(_ key: String) throws(KeptFormError) -> Timestamp {
        Timestamp(milliseconds: try whole(key))
    }

    func digest(_ key: String) throws(KeptFormError) -> Digest {
        try text(key) { Hex.decode($0).flatMap { Digest(bytes: $0) } }
    }

    /// The texts of a list; none where it is missing.
    func texts(_ key: String) -> [String] {
        node.member(key)?.elements.compactMap(\.string) ?? []
    }

    /// The parts of a list; none where it is missing.
    func parts(_ key: String) -> [KeptForm] {
        node.member(key)?.elements.map { KeptForm(part: $0, of: kind) } ?? []
    }

    /// What a yes covers, as questions and grants keep it.
    func binding() throws(KeptFormError) -> Binding {
        Binding(
            tenant: try name("tenant"),
            environment: try name("environment"),
            principal: try name("principal"),
            credential: try text("credential"),
            tool: ToolReference(
                server: try name("server"),
                tool: try text("tool") { try? ToolName($0) }
            ),
            pin: try digest("pin"),
            callForm: try digest("call"),
            answers: self["answers"] == nil ? nil : try digest("answers"),
            policy: try digest("policy")
        )
    }
}

extension Binding {
    /// As questions and grants keep it, among their own keys.
    func write(to object: inout JSONObject) {
        if let answers { object["answers"] = .init(answers.description) }
        object["call"] = .init(callForm.description)
        object["credential"] = .init(credential)
        object["environment"] = .init(environment.rawValue)
        object["pin"] = .init(pin.description)
        object["policy"] = .init(policy.description)
        object["principal"] = .init(principal.rawValue)
        object["server"] = .init(tool.server.rawValue)
        object["tenant"] = .init(tenant.rawValue)
        object["tool"] = .init(tool.tool.rawValue)
    }
}

/// Something kept that cannot be read; it counts as gone, and with it what it allowed.
package struct KeptFormError: Error, Equatable, Sendable, CustomStringConvertible {
    package let kind: String
    package let key: String

    package var description: String {
        "a kept \(printable(kind)) cannot be read at `\(printable(key))`; it counts as gone: ask, or answer, anew"
    }
}
