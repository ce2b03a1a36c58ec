import Base
import HTTP
import System

/// One open stream of the console: what its page is told next.
///
/// Touched by its feed only.
final class ConsolePage {
    let session: SessionTable.ID
    /// Whose questions and calls its person sees; nil means all.
    let tenants: Set<TenantID>?
    let wantsCalls: Bool
    private var events: [ServerSentEvent] = []
    /// Whether it is told everything anew: at first, and when it was too slow for its events.
    private var isBehind = true
    var isEnded = false
    var wake: Pending<Void>?

    init(_ session: SessionTable.ID, tenants: Set<TenantID>?, wantsCalls: Bool) {
        self.session = session
        self.tenants = tenants
        self.wantsCalls = wantsCalls
    }

    func sees(_ tenant: TenantID) -> Bool { tenants?.contains(tenant) ?? true }

    var hasNews: Bool { isBehind || !events.isEmpty }

    func push(_ event: ServerSentEvent) {
        guard events.count < Limits.consoleEventCount else {
            events = []
            isBehind = true
            return
        }
        events.append(event)
    }

    /// Whether everything is to be told; what is pushed from now on comes behind it.
    func beginAnew() -> Bool {
        guard isBehind else { return false }
        isBehind = false
        events = []
        return true
    }

    /// Takes everything as it is.
    ///
    /// Finding that out takes a while, and what came meanwhile may not be in it: it is told behind
    /// it. A page takes what it has already for the same.
    func show(_ everything: [ServerSentEvent]) { events = everything + events }

    /// What is told now.
    func take() -> [ServerSentEvent] {
        defer { events = [] }
        return events
    }
}
