import Base

/// The work one result may cost: 20 ms and 100 ns for each byte, of the thread's processor time.
///
/// The cheap clock is looked at first. Only when more time than that has gone by is the thread's own
/// clock read, and then it has the limit once more: a thread that waited for a processor has done
/// nothing wrong. So work is stopped at about twice the limit, and waiting never.
struct WorkBudget {
    private let clock: any Clock
    private var start: Instant
    private let limit: Duration
    /// What the thread had worked when the limit was first seen to be over.
    private var overtime: Duration?

    static let base: Duration = .milliseconds(20)
    static let nanosecondsPerByte = 100

    init(byteCount: Int, clock: any Clock) {
        self.clock = clock
        start = clock.instant
        let (variable, overflow) = byteCount.multipliedReportingOverflow(
            by: Self.nanosecondsPerByte
        )
        limit = Self.base + .nanoseconds(overflow ? Int.max : variable)
    }

    /// Runs `body` without counting its work: what is done once for all results is nobody's turn.
    mutating func exempting<Result>(
        _ body: () throws(ScreeningFailure) -> Result
    ) throws(ScreeningFailure) -> Result {
        if let worked = overtime {
            let before = clock.threadTime
            defer { overtime = worked + (clock.threadTime - before) }
            return try body()
        }
        let before = clock.instant
        defer { start = start.advanced(by: clock.instant.duration(since: before)) }
        return try body()
    }

    mutating func check() throws(ScreeningFailure) {
        if let worked = overtime {
            guard clock.threadTime - worked <= limit else {
                throw .overBudget(limitInMilliseconds: limit.milliseconds)
            }
        } else if clock.instant.duration(since: start) > limit {
            overtime = clock.threadTime
        }
    }
}
