import Base
import System

/// Says how far a long step is, once a second on standard error; nothing for what is done sooner.
struct Progress {
    private let what: String
    private let clock = SystemClock()
    private var last: Instant

    /// `what` is the beginning of the line, such as `indexed`.
    init(_ what: String) {
        self.what = what
        last = clock.instant
    }

    mutating func report(_ done: UInt64, of total: UInt64) {
        let now = clock.instant
        guard now.duration(since: last) >= .seconds(1) else { return }
        last = now
        Console.complain("\(what) \(done) of \(total) records")
    }
}
