/// Both clocks at one event.
package struct Moment: Hashable, Sendable {
    package let instant: Instant
    package let timestamp: Timestamp

    package init(instant: Instant, timestamp: Timestamp) {
        self.instant = instant
        self.timestamp = timestamp
    }

    package init(_ clock: any Clock) {
        self.init(instant: clock.instant, timestamp: clock.timestamp)
    }
}

/// An end on both clocks: over as soon as one of them is there.
///
/// A wall clock that is set back makes nothing last longer, one that is set forward ends it early.
package struct Deadline: Hashable, Sendable {
    /// As it is shown, and kept for a later process.
    package let timestamp: Timestamp
    package let instant: Instant

    /// So long from now.
    package init(after life: Duration, from now: Moment) {
        timestamp = now.timestamp.advanced(by: life)
        instant = now.instant.advanced(by: life)
    }

    /// An end an earlier process set: what the wall clock leaves of it, `longest` at most.
    package init(kept timestamp: Timestamp, atMost longest: Duration, from now: Moment) {
        self.timestamp = timestamp
        let left = timestamp.duration(since: now.timestamp)
        instant = now.instant.advanced(by: min(left, longest))
    }

    /// Both ends as they were written down by a process of this machine, `life` before them at the
    /// earliest.
    ///
    /// Nil where the monotonic clock is further from its end than that: the machine began anew since,
    /// and nobody knows how long it was away.
    package init?(written timestamp: Timestamp, _ instant: Instant, life: Duration, at now: Moment)
    {
        guard instant <= now.instant.advanced(by: life) else { return nil }
        self.timestamp = timestamp
        self.instant = instant
    }

    package func isOver(at now: Moment) -> Bool {
        timestamp <= now.timestamp || instant <= now.instant
    }
}
