import Base
import HTTP
import Testing

@testable import Gateway

@Suite("What is kept of a stream")
struct KeptEventsTests {
    private func kept(_ count: Int, ofBytes byteCount: Int = 1) -> KeptEvents {
        var kept = KeptEvents(number: 7)
        for _ in 0..<count { _ = kept.keep(Array(repeating: 0x78, count: byteCount)) }
        return kept
    }

    private func ids(_ kept: KeptEvents, after sequence: UInt64) -> [String]? {
        kept.missed(after: sequence)?.map { String(decoding: $0.event.id ?? [], as: UTF8.self) }
    }

    @Test func `what came after an event is told, from the opening to the last`() {
        let kept = kept(3)
        #expect(ids(kept, after: 0) == ["7-1", "7-2", "7-3"])
        #expect(ids(kept, after: 2) == ["7-3"])
        #expect(ids(kept, after: 3) == [])
        #expect(ids(kept, after: 4) == nil)
        #expect(ids(kept, after: .max) == nil)
    }

    @Test func `the oldest go first, and who missed them is told nothing`() {
        let kept = kept(3, ofBytes: Limits.keptEventByteCount / 2)
        #expect(kept.byteCount <= Limits.keptEventByteCount)
        #expect(ids(kept, after: 0) == nil)
        #expect(ids(kept, after: 1) == ["7-2", "7-3"])
    }

    @Test func `an event too large to keep ends what can be come back to`() {
        let kept = kept(1, ofBytes: Limits.keptEventByteCount + 1)
        #expect(kept.byteCount == 0)
        #expect(ids(kept, after: 0) == nil)
        #expect(ids(kept, after: 1) == [])
    }

    /// What is told after an event: ids, nil when all was, or "gone".
    private func told(_ kept: KeptEvents, after sequence: UInt64) -> [String]? {
        switch kept.telling(after: sequence) {
        case .events(let events): events.map { String(decoding: $0.event.id ?? [], as: UTF8.self) }
        case .done: nil
        case .gone: ["gone"]
        }
    }

    @Test func `an answer too large to keep is held until it was told`() {
        var kept = kept(2)
        let answer = kept.hold(Array(repeating: 0x61, count: Limits.keptEventByteCount + 1))
        #expect(kept.byteCount == 0)
        // What came before it is gone; the answer is told all the same.
        #expect(told(kept, after: 0) == ["7-3"])
        #expect(told(kept, after: 2) == ["7-3"])
        #expect(told(kept, after: 3) == nil)
        guard case .events(let events) = kept.telling(after: 2) else { return }
        #expect(events.map(\.event) == [answer])
        kept.letGo()
        #expect(told(kept, after: 2) == ["gone"])
    }

    @Test func `an answer there was no room for among all is held as well`() {
        var kept = kept(2)
        _ = kept.hold([0x61])
        #expect(told(kept, after: 1) == ["7-2", "7-3"])
        kept.empty()
        #expect(told(kept, after: 1) == ["7-3"])
        #expect(told(kept, after: 3) == nil)
    }

    @Test func `events that went while others were told are said to be gone`() {
        let kept = kept(3, ofBytes: Limits.keptEventByteCount / 2)
        #expect(told(kept, after: 0) == ["gone"])
        #expect(told(kept, after: 1) == ["7-2", "7-3"])
    }

    @Test(
        "an id is read one way only",
        arguments: [
            "", "-", "1", "1-", "-1", "1-2-3", "01-2", "+1-2", "1-+2", " 1-2", "1-2 ", "a-b",
        ]
    )
    func refuses(id: String) {
        #expect(KeptEvents.place(id) == nil)
    }

    @Test func `an id names its stream and place`() {
        let place = KeptEvents.place("18446744073709551615-0")
        #expect(place?.number == .max)
        #expect(place?.sequence == 0)
    }
}
