import Approval
import Base
import Testing

@Suite struct HoldMemoryTests {
    private let limit = Duration.seconds(50)

    private func now(_ second: Int64) -> Instant { at(second * 1000).instant }

    @Test func `a client nobody knows is held as long as the operator says`() {
        #expect(HoldMemory().hold(of: "a", atMost: limit) == limit)
    }

    @Test func `a client that went away is held for less, and no other one`() {
        var memory = HoldMemory()
        memory.left("a", after: .seconds(30), at: now(1))
        #expect(memory.hold(of: "a", atMost: limit) == .seconds(24))
        #expect(memory.hold(of: "b", atMost: limit) == limit)
        // It goes away later than is known: what is known stands.
        memory.left("a", after: .seconds(40), at: now(2))
        #expect(memory.hold(of: "a", atMost: limit) == .seconds(24))
    }

    @Test func `a client that went away at once is still held for five seconds`() {
        var memory = HoldMemory()
        memory.left("a", after: .milliseconds(10), at: now(1))
        #expect(memory.hold(of: "a", atMost: limit) == .seconds(5))
        #expect(memory.hold(of: "a", atMost: .seconds(2)) == .seconds(2))
    }

    @Test func `three holds it sat through make the next one longer, up to the limit`() {
        var memory = HoldMemory()
        memory.left("a", after: .seconds(40), at: now(1))
        for second in 2...3 { memory.stayed("a", atMost: limit, at: now(Int64(second))) }
        #expect(memory.hold(of: "a", atMost: limit) == .seconds(32))
        memory.stayed("a", atMost: limit, at: now(4))
        #expect(memory.hold(of: "a", atMost: limit) == .seconds(40))
        for second in 5...7 { memory.stayed("a", atMost: limit, at: now(Int64(second))) }
        #expect(memory.hold(of: "a", atMost: limit) == limit)
    }

    @Test func `a thousand clients are remembered, the one not seen for longest goes`() {
        var memory = HoldMemory()
        for number in 0...1000 {
            memory.left("\(number)", after: .seconds(10), at: now(Int64(number)))
        }
        #expect(memory.hold(of: "0", atMost: limit) == limit)
        #expect(memory.hold(of: "1", atMost: limit) == .seconds(8))
        #expect(memory.hold(of: "1000", atMost: limit) == .seconds(8))
    }

    @Test func `a call is held as long as its client waits, never longer than is set`() {
        for (wanted, ends) in [(Duration.seconds(8), Int64(8000)), (.seconds(90), 50_000)] {
            var book = book()
            _ = book.handle(.asked(ask(hold: wanted), by: waiter(1), fresh: ticket(1)), at: at(0))
            #expect(book.handle(.ticked, at: at(ends - 1)).tickets.isEmpty)
            #expect(book.handle(.ticked, at: at(ends)).tickets == [ticket(1)])
        }
    }
}

extension [ApprovalEffect] {
    /// The tickets that held calls were given.
    fileprivate var tickets: [TicketID] {
        compactMap { effect in
            if case .answer(_, .ticket(let ticket, _, _)) = effect { ticket } else { nil }
        }
    }
}
