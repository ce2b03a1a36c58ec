import Base
import Sandbox

/// What this host can do for cages, found out once by trying, when the first server starts.
///
/// It blocks, so that only the pool's threads ask.
final class ProbeOnce: Sendable {
    private let found = Lock<CageProbe?>(nil)
    /// File systems over which an overlay was laid.
    private let overlaid = Lock<Set<UInt64>>([])

    var value: CageProbe {
        found.withLock { found in
            if let found { return found }
            let probe = CageProbe()
            found = probe
            return probe
        }
    }

    /// Why nothing can be laid over that folder; tried once for each file system that takes it.
    @Sendable func overlayProblem(_ source: CagePlan.Source) -> String? {
        if overlaid.withLock({ $0.contains(source.device) }) { return nil }
        let problem = value.overlayProblem(over: source)
        if problem == nil { overlaid.withLock { _ = $0.insert(source.device) } }
        return problem
    }
}
