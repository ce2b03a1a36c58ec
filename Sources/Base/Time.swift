/// A moment on the monotonic clock, in nanoseconds since an arbitrary start.
///
/// Deadlines and rates use it; it never jumps with the wall clock and means nothing after a restart.
package struct Instant: Hashable, Sendable, Comparable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Saturates at both ends.
    package func advanced(by duration: Duration) -> Instant {
        let delta = duration.saturatedNanoseconds
        if delta < 0 {
            let magnitude = delta.magnitude
            return Instant(nanoseconds: nanoseconds < magnitude ? 0 : nanoseconds - magnitude)
        }
        let (sum, overflow) = nanoseconds.addingReportingOverflow(UInt64(delta))
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    /// The time from `earlier` to this; negative when `earlier` lies later.
    package func duration(since earlier: Instant) -> Duration {
        earlier <= self
            ? .nanoseconds(Int64(clamping: nanoseconds - earlier.nanoseconds))
            : .nanoseconds(-Int64(clamping: earlier.nanoseconds - nanoseconds))
    }
}

/// A moment on the wall clock, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Records and expiries that outlive the process use it.
package struct Timestamp: Hashable, Sendable, Comparable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Saturates at both ends.
    package func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = milliseconds.addingReportingOverflow(
            duration.saturatedNanoseconds / 1_000_000
        )
        return Timestamp(milliseconds: overflow ? (sum < 0 ? .max : .min) : sum)
    }

    /// The time from `earlier` to this, negative when `earlier` lies later; saturates.
    package func duration(since earlier: Timestamp) -> Duration {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return .milliseconds(overflow ? (milliseconds < 0 ? .min : .max) : difference)
    }

    /// RFC 3339 in UTC with milliseconds: `2026-08-01T12:00:00.000Z`.
    package var description: String {
        let (days, inDay) = milliseconds.quotientAndRemainderFlooring(by: 86_400_000)
        // Howard Hinnant's civil-from-days, valid for every day an Int64 of milliseconds can name.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time =
            "\(padded(inDay / 3_600_000, 2)):\(padded(inDay / 60_000 % 60, 2))"
            + ":\(padded(inDay / 1000 % 60, 2)).\(padded(inDay % 1000, 3))"
        return "\(date)T\(time)Z"
    }
}

/// The clocks everything that needs one is given.
package protocol Clock: Sendable {
    var instant: Instant { get }
    var timestamp: Timestamp { get }
    /// Processor time of the calling thread so far; asking costs a system call.
    var threadTime: Duration { get }
}

extension Clock {
    /// A clock that cannot tell work from waiting takes all time for work.
    package var threadTime: Duration { .nanoseconds(clamping: instant.nanoseconds) }
}

extension Duration {
    package static func nanoseconds(clamping value: UInt64) -> Duration {
        .nanoseconds(Int64(clamping: value))
    }

    /// Whole nanoseconds, held to the range of `Int64` (about 292 years).
    package var saturatedNanoseconds: Int64 {
        Int64(clamping: attoseconds / 1_000_000_000)
    }

    /// Whole milliseconds, rounded towards zero.
    package var milliseconds: Int64 { saturatedNanoseconds / 1_000_000 }
}

extension Int64 {
    fileprivate func quotientAndRemainderFlooring(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
