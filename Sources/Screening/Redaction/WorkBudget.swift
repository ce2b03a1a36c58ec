import Base

/// The time one result may take: 20 ms and 100 ns for each byte.
struct WorkBudget {
    private let clock: any Clock
    private var start: Instant
    private let limit: Duration

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

    func check() throws(ScreeningFailure) {
        guard clock.instant.duration(since: start) <= limit else {
            throw .overBudget(limitInMilliseconds: limit.milliseconds)
        }
    }
}
