import Base
import System

/// Carries what processes of hosted servers do to the gateway, which is made after the fleet it owns.
final class ServerNotices: Sendable {
    private struct Reference {
        weak var gateway: Gateway?
    }

    private let reference = Lock(Reference())

    func attach(_ gateway: Gateway) { reference.withLock { $0.gateway = gateway } }

    private var gateway: Gateway? { reference.withLock { $0.gateway } }

    /// The program of a new process is known; returns why no call may go to it, or nil.
    func judge(
        _ server: ServerName,
        _ tenant: TenantID,
        _ program: ProgramFinding,
        _ taker: TenantRoom.Taker?
    ) async -> String? {
        guard let gateway else { return "the gateway is stopping" }
        let key = Gateway.ServerKey(tenant: tenant, server: server)
        return await gateway.judge(program, of: key, taker)
    }

    func report(
        _ server: ServerName,
        _ tenant: TenantID,
        _ report: Supervision.Report,
        _ facts: ServerFacts
    ) {
        guard let gateway else { return }
        // Ends when the record is written; the circuit bounds how many there can be.
        gateway.loop.spawn {
            await gateway.record(
                report,
                of: Gateway.ServerKey(tenant: tenant, server: server),
                facts
            )
        }
    }
}
