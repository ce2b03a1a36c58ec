import Approval
import Audit
import Base
import Crypto
import JSON
import Policy
import System

extension Gateway {
    /// Carries out one command of the control socket.
    func perform(
        _ request: ControlRequest,
        _ peer: PeerCredentials,
        _ reply: ControlReply
    ) async throws -> [UInt8] {
        guard let command = ControlCommands.all[request.method] else {
            throw ControlError(.usage, "unknown command `\(printable(request.method))`")
        }
        let approver: PrincipalName? =
            command.level.needsPerson
            ? try await verified(request.credential, by: "uid \(peer.userID)", for: request.method)
            : nil
        return try await command.run(self, ControlCall(request, approver: approver, peer, reply))
    }
}

extension Gateway {
    /// The approver a credential proves; a wrong passphrase is recorded, with the verb it was for.
    func verified(
        _ credential: ControlRequest.Credential?,
        by peer: String,
        for verb: String
    ) async throws -> PrincipalName {
        do throws(ControlError) {
            return try await approvers.verify(credential)
        } catch {
            // Only what was tried is recorded: a locked name fills no log.
            guard error == ApproverBook.wrong else { throw error }
            store.note(
                AuditRecord(
                    .login,
                    at: parts.clock.timestamp,
                    tenant: .main,
                    environment: current.configuration.environment,
                    detail: .fields([
                        RecordField("approver", printable(credential?.approver ?? "")),
                        RecordField("by", peer),
                        RecordField("change", "refused"),
                        RecordField("verb", verb),
                    ])
                )
            )
            throw error
        }
    }
}

/// One command on its way: the request, and who it is for.
struct ControlCall: Sendable {
    let request: ControlRequest
    /// The approver who proved to be one, for commands that decide.
    let approver: PrincipalName?
    /// Who is at the other end of the control socket; nil for the console.
    let peer: PeerCredentials?
    let reply: ControlReply

    init(
        _ request: ControlRequest,
        approver: PrincipalName?,
        _ peer: PeerCredentials?,
        _ reply: ControlReply
    ) {
        self.request = request
        self.approver = approver
        self.peer = peer
        self.reply = reply
    }

    /// Who proved to be somebody, as they were when the call began.
    var standing: ApproverBook.Approver?

    /// The same, with their roles.
    var person: Person? { standing?.person }

    /// Whether it may see and decide what belongs to that tenant; who has the socket sees all.
    func sees(_ tenant: TenantID) -> Bool { person?.sees(tenant) ?? true }

    func somebody() throws(ControlError) -> Person {
        guard let person else {
            throw ControlError(.refused, "this needs an approver's passphrase")
        }
        return person
    }

    /// Refuses who has a role for other tenants only; nil stands for what concerns all of them.
    func require(_ tenant: TenantID?) throws(ControlError) {
        guard let person else { return }
        guard let tenant else {
            guard person.tenants == nil else {
                throw ControlError(.refused, "this concerns every tenant, and your roles do not")
            }
            return
        }
        guard person.sees(tenant) else {
            throw ControlError(.refused, "you have no role for tenant `\(tenant)`")
        }
    }

    /// Who did it, for the record.
    var actor: String { approver?.rawValue ?? peer.map { "uid \($0.userID)" } ?? "-" }
}

/// A command of the control socket: what it may do, and how.
struct ControlCommand: Sendable {
    typealias Action = @Sendable (Gateway, ControlCall) async throws -> [UInt8]

    let level: ControlLevel
    private let action: Action

    init(level: ControlLevel, _ action: @escaping Action) {
        self.level = level
        self.action = action
    }

    /// Carries it out, if the roles of whoever proved to be somebody reach it.
    func run(_ gateway: Gateway, _ call: ControlCall) async throws -> [UInt8] {
        var call = call
        if let name = call.approver {
            // Nobody would be somebody without limits: one who is gone by now is refused.
            guard let approver = await gateway.approvers.approver(name) else {
                throw ControlError(.refused, "`\(name)` is no approver any more")
            }
            call.standing = approver
        }
        try level.check(call.person)
        return try await action(gateway, call)
    }
}

/// Every command, by its method; each area adds its own table.
enum ControlCommands {
    static let all: [String: ControlCommand] = [
        tokens, approvers, status, tools, approvals, configuration, lockdowns, policies, servers,
        changes, bundles,
        grants, emergencies, egress, secrets, audit, figures, answers,
    ].reduce(into: [:]) { $0.merge($1) { first, _ in first } }
}

extension JSONValue {
    /// `{}`: done, and nothing more to say.
    static let done: [UInt8] = JSONValue.object(JSONObject()).serialised()
}
