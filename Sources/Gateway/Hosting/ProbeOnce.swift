import Base
import Sandbox
import System

/// What this host can do for cages, found out once by trying, when the first server starts.
///
/// What could not be tried is not kept, nor that no cage can be made at all: whoever starts a server
/// next tries again.
final class ProbeOnce: Sendable {
    private let state = Lock(State())
    /// File systems over which an overlay was laid.
    private let overlaid = Lock<Set<UInt64>>([])
    private let probe: @Sendable () -> CageProbe

    private struct State {
        var found: CageProbe?
        var isTrying = false
        /// At most one for each server, and for each command of a person.
        var waiters: [CheckedContinuation<Void, Never>] = []

        var isKept: Bool { found.map { $0.isConclusive && $0.tools != nil } ?? false }
    }

    init(_ probe: @escaping @Sendable () -> CageProbe = { CageProbe() }) {
        self.probe = probe
    }

    /// Returns when it was tried what this host can do.
    ///
    /// One thread of the pool tries; whoever comes meanwhile waits for it and holds none.
    func learn(in pool: BlockingPool) async {
        await withCheckedContinuation { continuation in
            let (isKnown, isFirst) = state.withLock { state in
                guard !state.isKept else { return (true, false) }
                state.waiters.append(continuation)
                defer { state.isTrying = true }
                return (false, !state.isTrying)
            }
            if isKnown { return continuation.resume() }
            // Without room in the pool nothing that needs it can be made either.
            if isFirst, !pool.start({ self.finish(self.probe()) }) { finish(nil) }
        }
    }

    private func finish(_ probe: CageProbe?) {
        let waiters = state.withLock { state in
            if let probe { state.found = probe }
            state.isTrying = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// What was found last; where nobody learned it, it is tried here, which blocks.
    var value: CageProbe {
        if let found = state.withLock({ $0.found }) { return found }
        let found = probe()
        state.withLock { $0.found = found }
        return found
    }

    /// Whether something can be laid over that folder; tried once for each file system that takes it.
    @Sendable func overlayTrial(_ source: CagePlan.Source) -> Trial {
        if overlaid.withLock({ $0.contains(source.device) }) { return .works }
        let trial = value.overlayTrial(over: source)
        if trial == .works { overlaid.withLock { _ = $0.insert(source.device) } }
        return trial
    }
}
