import Approval
import Base
import JSON
import Policy
import TestKit
import Testing

/// Every order of events, and long random ones: what must hold whatever happens.
@Suite struct ApprovalOrderTests {
    private static let events: [(String, ApprovalEvent)] = [
        ("yes ana", yes(.ana)), ("yes bo", yes(.bo)), ("no bo", no(.bo)),
        ("cancel", .cancelled(waiter(1))), ("detach", .detached(waiter(1))),
        ("back", .asked(ask(people: 2), by: waiter(2), fresh: ticket(2))),
        ("dispatch", .dispatched(ticket(1), current: binding(), by: waiter(1))),
        ("ended", .ended(ticket(1), isKnown: false)),
    ]

    /// All 40,320 orders of eight events after a question for two people.
    @Test func `no order of events spends without two people, or twice, or after a no`() {
        var order = Array(Self.events.indices)
        var orders = 0
        var spending = 0
        func permute(_ place: Int) {
            if place == order.count {
                orders += 1
                spending += follow(order)
                return
            }
            for other in place..<order.count {
                order.swapAt(place, other)
                permute(place + 1)
                order.swapAt(place, other)
            }
        }
        permute(0)
        #expect(orders == 40_320)
        #expect(spending > 1000, "only \(spending) orders spent at all")
    }

    /// How many yeses that order spent.
    private func follow(_ order: [Int]) -> Int {
        var book = book()
        var effects = book.handle(
            .asked(ask(people: 2), by: waiter(1), fresh: ticket(1)),
            at: at(0)
        )
        for (step, index) in order.enumerated() {
            effects += book.handle(Self.events[index].1, at: at(Int64(step + 1)))
        }
        let names = order.map { Self.events[$0].0 }
        let spends = effects.spends
        guard !spends.isEmpty else { return 0 }
        let place = { (name: String) in names.firstIndex(of: name) ?? .max }
        let dispatch = place("dispatch")
        let isRight =
            spends == [ticket(1)] && place("yes ana") < dispatch && place("yes bo") < dispatch
            && !(place("no bo") < max(place("yes ana"), place("yes bo")))
            && !(place("cancel") < dispatch && place("cancel") < place("detach")
                && place("cancel") < place("back")
                && place("cancel") < max(place("yes ana"), place("yes bo")))
        if !isRight { Issue.record("spent wrongly: \(names)") }
        return spends.count
    }

    /// A model that only knows the rules, beside thousands of random events.
    @Test("holds its promises over random events", arguments: 0..<30)
    func random(seed: UInt64) throws {
        var random = Seeded(seed)
        var book = book(approvers: [.ana, .bo, .cy, .owner])
        var now: Int64 = 0
        var voters: [TicketID: Set<PersonName>] = [:]
        var needed: [TicketID: Int] = [:]
        var spent: Set<TicketID> = []
        var asked: [TicketID: Int64] = [:]
        var ended: Set<TicketID> = []
        var held: [WaiterID: Bool] = [:]
        let people: [PersonName] = [.ana, .bo, .cy, .owner]
        for step in 1...1500 {
            now += Int64.random(in: 0...20_000, using: &random)
            let call = Int.random(in: 0..<6, using: &random)
            let binding = binding(call: "\(call)", principal: "p\(call % 2)")
            let open = book.open().map(\.ticket)
            let target = open.randomElement(using: &random) ?? ticket(step)
            let event: ApprovalEvent
            switch Int.random(in: 0..<9, using: &random) {
            case 0, 1:
                let people = 1 + call % 2
                event = .asked(
                    ask(binding, people: people),
                    by: waiter(UInt64(step)),
                    fresh: ticket(step)
                )
                held[waiter(UInt64(step))] = true
            case 2, 3:
                event = .voted(
                    Ballot(
                        ticket: target,
                        person: people.randomElement(using: &random) ?? .ana,
                        isYes: Int.random(in: 0..<8, using: &random) > 0,
                        revision: 1
                    )
                )
            case 4:
                let current = book.question(target)?.binding ?? binding
                event = .dispatched(target, current: current, by: waiter(UInt64(step)))
            case 5:
                event = .ended(
                    spent.randomElement(using: &random) ?? target,
                    isKnown: Bool.random(using: &random)
                )
            case 6: event = .detached(held.keys.randomElement(using: &random) ?? waiter(0))
            case 7: event = .cancelled(held.keys.randomElement(using: &random) ?? waiter(0))
            default: event = .ticked
            }
            for effect in book.handle(event, at: at(now)) {
                switch effect {
                case .record(let record):
                    switch record.step {
                    case .asked:
                        asked[record.ticket] = now
                        needed[record.ticket] = record.people
                    case .yes(let person):
                        #expect(person != .owner, "seed \(seed) step \(step)")
                        voters[record.ticket, default: []].insert(person)
                    case .denied, .expired, .withdrawn, .changed: ended.insert(record.ticket)
                    default: break
                    }
                case .spend(let question, _):
                    let id = question.ticket
                    #expect(spent.insert(id).inserted, "seed \(seed) step \(step): spent twice")
                    #expect(
                        voters[id]?.count ?? 0 >= needed[id] ?? .max,
                        "seed \(seed) step \(step)"
                    )
                    #expect(!ended.contains(id), "seed \(seed) step \(step): spent after its end")
                    #expect(
                        now - (asked[id] ?? .min) < 600_000,
                        "seed \(seed) step \(step): spent late"
                    )
                    #expect(question.callForm.isEmpty)
                case .answer(let waiter, let answer):
                    // An answer ends a hold; no call hears twice.
                    #expect(
                        held.removeValue(forKey: waiter) != nil || event.isDispatch,
                        "seed \(seed) step \(step): \(answer)"
                    )
                default: break
                }
            }
            let open2 = book.open()
            for principal in Set(open2.map(\.binding.principal)) {
                #expect(open2.count { $0.binding.principal == principal } <= 10)
            }
        }
        #expect(!spent.isEmpty)
    }

    // MARK: Restart

    @Test("a question read back is the same", arguments: 0..<3)
    func roundTrip(votes: Int) throws {
        var book = book()
        _ = book.handle(
            .asked(ask(people: 2, callForm: #"{"x":1}"#), by: waiter(1), fresh: ticket(1)),
            at: at(0)
        )
        for person in [PersonName.ana, .bo].prefix(votes) {
            _ = book.handle(yes(person), at: at(1))
        }
        let question = try #require(book.question(ticket(1)))
        let bytes = question.value.serialised()
        #expect(!String(decoding: bytes, as: UTF8.self).contains(#"{"x""#))
        let back = try Question(
            json: JSONDocument(parsing: bytes).root,
            words: question.callForm
        )
        #expect(back == question)
    }

    @Test func `waiting questions survive a restart, and what was on its way is unknown`() throws {
        var before = book()
        for number in 1...3 {
            _ = before.handle(
                .asked(
                    ask(binding(call: "\(number)")),
                    by: waiter(UInt64(number)),
                    fresh: ticket(number)
                ),
                at: at(0)
            )
        }
        _ = before.handle(yes(.ana, 2), at: at(1))
        _ = before.handle(yes(.ana, 3), at: at(1))
        _ = before.handle(
            .dispatched(ticket(3), current: binding(call: "3"), by: waiter(3)),
            at: at(2)
        )
        let kept = try (1...3).map { number in
            let question = try #require(before.question(ticket(number)))
            return try Question(
                json: JSONDocument(parsing: question.value.serialised()).root,
                words: question.callForm
            )
        }
        // The monotonic clock begins anew.
        let start = Moment(instant: Instant(nanoseconds: 5), timestamp: at(10_000).timestamp)
        var after = ApprovalBook(
            approvers: [Approver(person: .ana)],
            restoring: kept,
            at: start
        )
        #expect(after.handle(yes(.ana, 1), at: start).replies == [.approved])
        let collected = after.handle(
            .asked(ask(binding(call: "2")), by: waiter(9), fresh: ticket(9)),
            at: start
        )
        #expect(collected.answers == ["9 approved"])
        let lost = after.handle(
            .asked(ask(binding(call: "3")), by: waiter(10), fresh: ticket(10)),
            at: start
        )
        #expect(lost.answers == ["10 unknown_outcome"])
        let end = Moment(
            instant: start.instant.advanced(by: .seconds(590)),
            timestamp: at(600_000).timestamp
        )
        #expect(after.handle(.ticked, at: end).steps == [.expired, .expired])
    }

    @Test(
        "a kept question with a field that is missing or wrong is refused",
        arguments: [
            "ticket", "tier", "people", "tenant", "principal", "server", "tool", "pin", "call",
            "policy",
            "owner", "asked", "expires", "revision", "state", "question", "environment",
        ]
    )
    func damaged(key: String) throws {
        var book = book()
        _ = book.handle(.asked(ask(), by: waiter(1), fresh: ticket(1)), at: at(0))
        guard case .object(var object) = try #require(book.question(ticket(1))).value else {
            return
        }
        for wrong: JSONValue? in [nil, .null, "", -1] {
            object[JSONString(key)] = wrong
            let bytes = JSONValue.object(object).serialised()
            let root = try JSONDocument(parsing: bytes).root
            if wrong == -1, ["asked", "expires"].contains(key) { continue }
            #expect(throws: (any Error).self) { try Question(json: root, words: []) }
        }
    }

    @Test(
        "a ticket is spelled in one way",
        arguments: [
            "", "ask-", "ask-0", "ASK-" + String(repeating: "0", count: 32),
            "ask-" + String(repeating: "0", count: 33),
            "ask-" + String(repeating: "A", count: 32), "ask-" + String(repeating: "g", count: 32),
        ]
    )
    func tickets(_ spelling: String) {
        #expect(TicketID(spelling) == nil)
        #expect(TicketID(ticket(1).rawValue) == ticket(1))
    }
}

extension ApprovalEvent {
    fileprivate var isDispatch: Bool {
        if case .dispatched = self { return true }
        return false
    }
}
