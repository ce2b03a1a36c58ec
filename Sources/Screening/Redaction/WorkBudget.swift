import Base

/// The time one result may take: 20 ms and 100 ns for each byte.
struct WorkBudget {
    private let clock: any Clock
    private let start: Instant
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

    func check() throws(ScreeningFailure) {
        guard clock.instant.duration(since: start) <= limit else {
            throw .overBudget(limitInMilliseconds: limit.milliseconds)
        }
    }
}
