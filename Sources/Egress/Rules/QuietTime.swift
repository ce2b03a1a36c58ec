package import Base

/// Lets so many things be told within ten seconds of the first: whoever floods shall not fill the log.
package struct QuietTime: Sendable {
    private let limit: Int
    private var end = Instant(nanoseconds: 0)
    private var count = 0

    package init(_ limit: Int = 1) { self.limit = limit }

    /// Whether one more is told.
    package mutating func admits(at now: Instant) -> Bool {
        if now >= end {
            end = now.advanced(by: Limits.egressQuiet)
            count = 0
        }
        count += 1
        return count <= limit
    }
}
