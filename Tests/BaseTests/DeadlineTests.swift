import Base
import Testing

/// An end on both clocks.
@Suite struct DeadlineTests {
    private func at(_ steady: Int64, wall: Int64) -> Moment {
        Moment(
            instant: Instant(nanoseconds: UInt64(steady + 1000) * 1_000_000_000),
            timestamp: Timestamp(milliseconds: 1_785_585_600_000 + wall * 1000)
        )
    }

    @Test(
        "is over when either clock is there",
        arguments: [
            (59, 59, false), (60, 60, true), (60, 59, true), (59, 60, true),
            // Set back by a day, and forward.
            (59, -86_400, false), (60, -86_400, true), (0, 86_400, true),
        ] as [(Int64, Int64, Bool)]
    )
    func over(steady: Int64, wall: Int64, isOver: Bool) {
        let deadline = Deadline(after: .seconds(60), from: at(0, wall: 0))
        #expect(deadline.isOver(at: at(steady, wall: wall)) == isOver)
        let restored = Deadline(
            kept: deadline.timestamp,
            atMost: .seconds(3600),
            from: at(0, wall: 0)
        )
        #expect(restored == deadline)
    }

    @Test(
        "an end that was written down holds on both clocks, on the machine that still runs",
        arguments: [
            (0, 0, true), (59, 59, true), (60, 59, false), (59, 60, false),
            // Set back by a day; and begun anew, an hour of running before.
            (59, -86_400, true), (60, -86_400, false), (-1, 0, false), (-900, 30, false),
        ] as [(Int64, Int64, Bool)]
    )
    func written(steady: Int64, wall: Int64, holds: Bool) {
        let made = Deadline(after: .seconds(60), from: at(0, wall: 0))
        let now = at(steady, wall: wall)
        let read = Deadline(written: made.timestamp, made.instant, life: .seconds(60), at: now)
        #expect(read.map { !$0.isOver(at: now) } ?? false == holds)
        #expect(read == nil || read == made)
    }

    @Test func `a kept end is no further away than it ever was`() {
        let end = at(0, wall: 60).timestamp
        let back = Deadline(kept: end, atMost: .seconds(60), from: at(0, wall: -86_400))
        #expect(!back.isOver(at: at(59, wall: -86_341)))
        #expect(back.isOver(at: at(60, wall: -86_340)))
        let lost = Deadline(kept: end, atMost: .zero, from: at(0, wall: -86_400))
        #expect(lost.isOver(at: at(0, wall: -86_400)))
        let past = Deadline(kept: end, atMost: .seconds(60), from: at(0, wall: 61))
        #expect(past.isOver(at: at(0, wall: 61)))
    }

    @Test func `no end is too far away to be reckoned with`() {
        let extremes = [Int64.min, 0, .max].map { Timestamp(milliseconds: $0) }
        for end in extremes {
            for now in extremes {
                let moment = Moment(instant: Instant(nanoseconds: .max), timestamp: now)
                let deadline = Deadline(kept: end, atMost: .seconds(1), from: moment)
                #expect(deadline.isOver(at: moment))
            }
        }
        #expect(extremes[2].duration(since: extremes[0]) > .seconds(1))
        #expect(extremes[0].duration(since: extremes[2]) < .zero)
    }
}
