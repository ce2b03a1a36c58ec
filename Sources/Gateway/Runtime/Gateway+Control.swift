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
            command.level == .decide ? try await verified(request, peer) : nil
        return try await command.run(self, ControlCall(request, approver: approver, peer, reply))
    }
}

extension Gateway {
    /// The approver a request proves; a wrong passphrase is recorded, with the verb it was for.
    private func verified(
        _ request: ControlRequest,
        _ peer: PeerCredentials
    ) async throws -> PrincipalName {
        do throws(ControlError) {
            return try await approvers.verify(request.credential)
        } catch {
            // Only what was tried is recorded: a locked name fills no log.
            guard error == ApproverBook.wrong else { throw error }
            try? store.post(
                AuditRecord(
                    .login,
                    at: parts.clock.timestamp,
                    tenant: .main,
                    environment: current.configuration.environment,
                    detail: .fields([
                        RecordField("approver", printable(request.credential?.approver ?? "")),
                        RecordField("by", "uid \(peer.userID)"),
                        RecordField("change", "refused"),
                        RecordField("verb", request.method),
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
    let peer: PeerCredentials
    let reply: ControlReply

    init(
        _ request: ControlRequest,
        approver: PrincipalName?,
        _ peer: PeerCredentials,
        _ reply: ControlReply
    ) {
        self.request = request
        self.approver = approver
        self.peer = peer
        self.reply = reply
    }

    /// Who did it, for the record.
    var actor: String { approver?.rawValue ?? "uid \(peer.userID)" }
}

/// A command of the control socket: what it may do, and how.
struct ControlCommand: Sendable {
    let level: ControlLevel
    let run: @Sendable (Gateway, ControlCall) async throws -> [UInt8]
}

/// Every command, by its method; each area adds its own table.
enum ControlCommands {
    static let all: [String: ControlCommand] = [
        tokens, approvers, status, tools, approvals, configuration, lockdowns, policies, servers,
        grants,
    ].reduce(into: [:]) { $0.merge($1) { first, _ in first } }
}

extension JSONValue {
    /// `{}`: done, and nothing more to say.
    static let done: [UInt8] = JSONValue.object(JSONObject()).serialised()
}
