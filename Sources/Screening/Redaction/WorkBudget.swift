import Base

/// The time one result may take: 20 ms and 100 ns for each byte.
///
/// One stall of the machine is not work: over the limit, a quarter of it is left to finish in.
struct WorkBudget {
    private let clock: any Clock
    private var start: Instant
    private let limit: Duration
    /// When the limit was first seen to be over.
    private var overtime: Instant?

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

    /// Runs `body` without counting its time: what is done once for all results is nobody's turn.
    mutating func exempting<Result>(
        _ body: () throws(ScreeningFailure) -> Result
    ) throws(ScreeningFailure) -> Result {
        let before = clock.instant
        defer { start = start.advanced(by: clock.instant.duration(since: before)) }
        return try body()
    }

    mutating func check() throws(ScreeningFailure) {
        let now = clock.instant
        guard now.duration(since: start) > limit else { return }
        guard let since = overtime else {
            overtime = now
            return
        }
        guard now.duration(since: since) <= limit / 4 else {
            throw .overBudget(limitInMilliseconds: limit.milliseconds)
        }
    }
}
