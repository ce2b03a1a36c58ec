import Base
import Sandbox

/// What this host can do for cages, found out once by trying, when the first server starts.
///
/// What could not be tried is not kept: whoever asks next tries again. It blocks, so that only the
/// pool's threads ask.
final class ProbeOnce: Sendable {
    private let found = Lock<CageProbe?>(nil)
    /// File systems over which an overlay was laid.
    private let overlaid = Lock<Set<UInt64>>([])
    private let probe: @Sendable () -> CageProbe

    init(_ probe: @escaping @Sendable () -> CageProbe = { CageProbe() }) {
        self.probe = probe
    }

    var value: CageProbe {
        found.withLock { found in
            if let found { return found }
            let probe = probe()
            if probe.isConclusive { found = probe }
            return probe
        }
    }

    /// Whether something can be laid over that folder; tried once for each file system that takes it.
    @Sendable func overlayTrial(_ source: CagePlan.Source) -> Trial {
        if overlaid.withLock({ $0.contains(source.device) }) { return .works }
        let trial = value.overlayTrial(over: source)
        if trial == .works { overlaid.withLock { _ = $0.insert(source.device) } }
        return trial
    }
}
