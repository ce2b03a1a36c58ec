import Base
import Glibc
import TestKit

/// What this thread has used of the processor: other work on the machine does not count.
struct ThreadTime {
    private let nanoseconds: Int64

    static var now: ThreadTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return ThreadTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    var elapsed: Duration { .nanoseconds(Self.now.nanoseconds - nanoseconds) }
}

/// Numbers that follow from the input, so that a finding can be played again.
struct Derived: RandomNumberGenerator {
    private var seeded: Seeded

    init(from bytes: [UInt8]) {
        seeded = Seeded(
            bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        )
    }

    mutating func next() -> UInt64 { seeded.next() }

    /// Where the input is cut into pieces, as a connection might deliver it: at most 65 of them.
    mutating func ends(of count: Int) -> [Int] {
        guard count > 1 else { return [count] }
        let cuts = Int.random(in: 0...min(64, count), using: &self)
        return (0..<cuts).map { _ in Int.random(in: 0...count, using: &self) }.sorted() + [count]
    }
}

/// Bytes that count up: sealed texts of one run can be made again in the next.
struct CountingRandom: RandomSource {
    func bytes(count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 + 1) } }
}

/// A clock that stands still.
struct StandingClock: Clock {
    var instant: Instant { Instant(nanoseconds: 1_000_000_000) }
    var timestamp: Timestamp { Timestamp(milliseconds: 1_785_585_600_000) }
}

/// Whether a text can be printed on a terminal: one line, nothing that steers it.
func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
}

func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
