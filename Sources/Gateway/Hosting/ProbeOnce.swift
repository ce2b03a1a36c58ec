import Base
import Sandbox

/// What this host can do for cages, found out once by trying, when the first server starts.
///
/// It blocks, so that only the pool's threads ask.
final class ProbeOnce: Sendable {
    private let found = Lock<CageProbe?>(nil)

    var value: CageProbe {
        found.withLock { found in
            if let found { return found }
            let probe = CageProbe()
            found = probe
            return probe
        }
    }
}
