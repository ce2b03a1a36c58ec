package import Base

/// A clock that moves only when told.
package final class ManualClock: Clock {
    private let state: Lock<(Instant, Timestamp)>

    package init(at timestamp: Timestamp = Timestamp(milliseconds: 1_785_585_600_000)) {
        state = Lock((Instant(nanoseconds: 1_000_000_000), timestamp))
    }

    package var instant: Instant { state.withLock { $0.0 } }
    package var timestamp: Timestamp { state.withLock { $0.1 } }

    /// Sets the time of day, and only that.
    package func jump(by duration: Duration) {
        state.withLock { $0.1 = $0.1.advanced(by: duration) }
    }

    package func advance(by duration: Duration) {
        state.withLock { $0 = ($0.0.advanced(by: duration), $0.1.advanced(by: duration)) }
    }
}
