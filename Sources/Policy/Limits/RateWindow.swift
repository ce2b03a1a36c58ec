package import Base

/// Counts events of one kind over the last `period`, in 17 slots of a sixteenth each.
///
/// INVARIANT: never more than the limit in any stretch of the period: an event leaves the count
/// when its whole slot has, that is between one and 17/16 periods after it came.
package struct RateWindow: Sendable {
    package init() {}

    private static let slotCount = 17
    private var slots = InlineArray<17, UInt32>(repeating: 0)
    /// Number of the newest slot since the clock's start.
    private var newest: UInt64 = 0
    /// When the newest slot ends, so that most calls need not divide to know that it has not.
    private var newestEnds = Instant(nanoseconds: 0)
    private var total = 0
    /// When nothing that was counted counts any more.
    package private(set) var quiet = Instant(nanoseconds: 0)

    private static func width(_ rate: Rate) -> UInt64 { rate.period.nanoseconds / 16 }

    /// Whether one more is admitted.
    package mutating func admits(_ rate: Rate, at now: Instant) -> Bool {
        if now.nanoseconds >= newestEnds.nanoseconds { roll(to: now, Self.width(rate)) }
        return total < rate.count
    }

    /// Nil when one more is admitted, else how long until that is so.
    package mutating func waiting(_ rate: Rate, at now: Instant) -> Duration? {
        guard !admits(rate, at: now) else { return nil }
        for age in stride(from: UInt64(Self.slotCount - 1), through: 0, by: -1) {
            guard newest >= age, slots[Self.index(newest - age)] > 0 else { continue }
            let leaves = Self.end(of: newest - age, after: Self.slotCount - 1, Self.width(rate))
            return leaves.duration(since: now)
        }
        return nil
    }

    /// Counts one event; `admits` or `waiting` was asked before at the same moment.
    package mutating func count(_ rate: Rate, at now: Instant) {
        let width = Self.width(rate)
        slots[Self.index(newest)] &+= 1
        total += 1
        let (end, isOver) = now.nanoseconds.addingReportingOverflow(width * UInt64(Self.slotCount))
        quiet = Instant(nanoseconds: isOver ? .max : end)
    }

    private static func index(_ slot: UInt64) -> Int { Int(slot % UInt64(slotCount)) }

    /// When a slot ends and so many after it have passed; the end of time at most.
    private static func end(of slot: UInt64, after others: Int = 0, _ width: UInt64) -> Instant {
        let (end, isOver) = (slot + 1 + UInt64(others)).multipliedReportingOverflow(by: width)
        return Instant(nanoseconds: isOver ? .max : end)
    }

    private mutating func roll(to now: Instant, _ width: UInt64) {
        let slot = now.nanoseconds / width
        newestEnds = Self.end(of: slot, width)
        guard slot > newest else { return }
        if slot - newest >= UInt64(Self.slotCount) {
            slots = InlineArray(repeating: 0)
            total = 0
        } else {
            for passed in newest + 1...slot {
                total -= Int(slots[Self.index(passed)])
                slots[Self.index(passed)] = 0
            }
        }
        newest = slot
    }
}
