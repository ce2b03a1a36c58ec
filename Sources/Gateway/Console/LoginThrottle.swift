import Base
import System

/// How often a login may be tried: each costs 128 MiB and a third of a second of a thread.
///
/// Beside it `ApproverBook` locks a name after five failures, from wherever they came.
struct LoginThrottle: Sendable {
    private var began: Instant?
    private var total = 0
    private var byAddress: [IPAddress?: Int] = [:]

    /// Counts one try; false when there were too many in this minute.
    mutating func admits(_ address: IPAddress?, at now: Instant) -> Bool {
        if began.map({ now.duration(since: $0) >= .seconds(60) }) ?? true {
            began = now
            total = 0
            byAddress = [:]
        }
        guard total < Limits.loginsPerMinute,
            byAddress[address, default: 0] < Limits.loginsPerAddress
        else { return false }
        total += 1
        byAddress[address, default: 0] += 1
        return true
    }
}
