import Base

/// Numbers that follow from a seed (Steele, Lea, Flood: SplitMix64), so that a failure is found again.
package struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// The same as a source of random bytes.
package final class SeededRandom: RandomSource {
    private let state: Lock<Seeded>

    package init(seed: UInt64) { state = Lock(Seeded(seed)) }

    package func next() -> UInt64 { state.withLock { $0.next() } }

    package func bytes(count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
