import Base
import MCP
import System

/// Calls that come before their server said what it offers wait for it, at most for its start; they
/// are never told that what they name is unknown, which nobody knows yet.
extension Door {
    /// Why there is nothing to judge.
    enum Unresolved: Error {
        case unknown(ProtocolError)
        case refused(Refusal)

        var refusal: Refusal {
            switch self {
            case .unknown(let problem):
                Refusal(code: .unknownTool, rule: "catalogue", agentText: problem.message)
            case .refused(let refusal): refusal
            }
        }

        func answer(verdict: String) -> CallAnswer {
            switch self {
            case .unknown(let problem): .protocolError(problem)
            case .refused(let refusal): .refused(refusal, verdict: verdict)
            }
        }
    }

    /// What the call means, once its server has said what it offers.
    func find(
        _ call: ToolCall,
        _ cancellation: CallCancellation
    ) async -> Result<ResolvedCall, Unresolved> {
        var deadline: Instant?
        while true {
            // Before the look at the server: it may say what it offers whenever this gives way.
            let problem: ProtocolError
            switch resolve(call) {
            case .success(let found): return .success(found)
            case .failure(let reason): problem = reason
            }
            guard let server = silent(call) else { return .failure(.unknown(problem)) }
            // A stop and a dead credential are told at once, as for a call that is judged.
            if let stop = lockdown(on: call, server) { return .failure(.refused(stop.refusal)) }
            guard tokens.isLive(call.principal) else { return .failure(.refused(Self.revoked)) }
            let limit = deadline ?? loop.now.advanced(by: server.settings.startTimeout)
            deadline = limit
            guard case .starting? = server.silence, !cancellation.isCancelled,
                await change(until: limit, call.principal.key, cancellation)
            else { return .failure(.refused(Self.silence(of: server))) }
        }
    }

    /// The server whose tool it may be, where that said nothing yet and this principal may know it.
    ///
    /// Any name is answered alike, so that nobody learns which tools there are.
    private func silent(_ call: ToolCall) -> ServerEntry? {
        guard let (server, tool) = reference(call), server.silence != nil,
            call.principal.sees(tool)
        else { return nil }
        return server
    }

    private func reference(_ call: ToolCall) -> (ServerEntry, ToolReference)? {
        guard
            let (server, name) = catalogue.place(
                of: call.spelling,
                at: call.endpoint,
                tenant: call.principal.tenant
            ), let tool = try? ToolName(name)
        else { return nil }
        return (server, ToolReference(server: server.name, tool: tool))
    }

    private func lockdown(on call: ToolCall, _ server: ServerEntry) -> Lockdown? {
        guard let (_, tool) = reference(call) else { return nil }
        return lockdowns.first { $0.covers(call.principal, tool) }
    }

    private static func silence(of server: ServerEntry) -> Refusal {
        let reason = (server.silence ?? .starting).reason
        return Refusal(
            code: .serverUnavailable,
            rule: "server",
            agentText: "refused: the server `\(server.name)` \(reason), and nothing was sent; "
                + "try again in a minute",
            auditText: "the server `\(server.name)` \(reason)"
        )
    }

    /// Whether anything changed before the deadline; false as well where no more calls may wait.
    private func change(
        until deadline: Instant,
        _ principal: PrincipalKey,
        _ cancellation: CallCancellation
    ) async -> Bool {
        guard loop.now < deadline, let (key, pending) = early.add(principal, on: loop) else {
            return false
        }
        defer { early.remove(key) }
        let watch = cancellation.onCancel { [weak self] in
            // Calls are called off on the loop.
            self?.assumeIsolated { $0.early.wake(key) }
        }
        defer { cancellation.remove(watch) }
        do {
            try await pending.value(until: deadline)
            return true
        } catch {
            return false
        }
    }

    /// Lets every call that waits for its server look again.
    func wakeEarlyCalls() { early.wake() }
}

/// The calls that wait for the catalogue to change; bounded for each credential, beyond which they
/// are refused at once.
struct EarlyCalls {
    private struct Waiter {
        let principal: PrincipalKey
        let pending: Pending<Void>
    }

    private var waiting: [UInt64: Waiter] = [:]
    private var next: UInt64 = 0

    mutating func add(
        _ principal: PrincipalKey,
        on loop: EventLoop
    ) -> (key: UInt64, Pending<Void>)? {
        let count = waiting.values.count { $0.principal == principal }
        guard count < Limits.earlyCallCount else { return nil }
        next &+= 1
        let pending = Pending<Void>(on: loop)
        waiting[next] = Waiter(principal: principal, pending: pending)
        return (next, pending)
    }

    mutating func remove(_ key: UInt64) { waiting[key] = nil }

    func wake(_ key: UInt64) { waiting[key]?.pending.fulfil(()) }

    func wake() { for waiter in waiting.values { waiter.pending.fulfil(()) } }
}
