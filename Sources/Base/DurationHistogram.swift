/// How long something took, counted in buckets; what a metrics server asks for.
///
/// A plain value of integers: whoever counts owns it.
package struct DurationHistogram: Sendable, Equatable {
    /// Upper bounds in nanoseconds, ascending.
    package static let bounds: [UInt64] = [
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
        50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
        10_000_000_000, 60_000_000_000,
    ]

    /// How many fell into each bucket, not added up; the last one is beyond every bound.
    package private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    package private(set) var sumNanoseconds: UInt64 = 0

    package init() {}

    package var count: UInt64 { counts.reduce(0, &+) }

    package mutating func count(nanoseconds: UInt64) {
        var index = 0
        while index < Self.bounds.count, nanoseconds > Self.bounds[index] { index += 1 }
        counts[index] &+= 1
        sumNanoseconds &+= nanoseconds
    }

    /// A negative duration counts as none.
    package mutating func count(_ duration: Duration) {
        count(nanoseconds: UInt64(clamping: duration.saturatedNanoseconds))
    }
}
