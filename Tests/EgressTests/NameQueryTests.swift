import Base
import Testing

@testable import Egress

/// A question as resolvers write it: one name, one type, class IN, perhaps EDNS.
private func question(
    _ name: String,
    type: UInt16 = 1,
    counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 0],
    flags: [UInt8] = [1, 0],
    more: [UInt8] = []
) -> [UInt8] {
    let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    return [0x12, 0x34] + flags + counts + labels
        + [0, UInt8(type >> 8), UInt8(type & 0xff), 0, 1] + more
}

private let options: [UInt8] = [0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]

@Suite struct NameQueryTests {
    @Test func `reads one question, its name in lower case`() throws {
        let query = try NameQuery(question("API.Example.com", type: 28))
        #expect(query.name == "api.example.com")
        #expect(query.type == NameQuery.address6Type)
    }

    @Test func `answers in the asker's own spelling`() throws {
        let asked = question("API.Example.com")
        let response = try NameQuery(asked).response(
            .addresses([.v4(0x5db8_d822), .v6(high: 1, low: 2), .v4(0x0a00_0001)])
        )
        // Id, an answer with authority that wanted recursion, one question, two answers.
        #expect(
            response.prefix(12).elementsEqual([0x12, 0x34, 0x85, 0x80, 0, 1, 0, 2, 0, 0, 0, 0])
        )
        #expect(response[12..<asked.count].elementsEqual(asked[12...]))
        #expect(response.suffix(4).elementsEqual([10, 0, 0, 1]))
        #expect(response.count == asked.count + 32)
    }

    @Test func `says the addresses of the version that was asked for`() throws {
        let answer = NameQuery.Answer.addresses([
            .v4(0x5db8_d822), .v6(high: 0x2606_4700_0000_0001, low: 0x0203),
        ])
        let asked = question("a.example", type: 28)
        let response = try NameQuery(asked).response(answer)
        #expect(response[7] == 1)
        #expect(
            response[asked.count...].elementsEqual(
                [0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16]
                    + [0x26, 6, 0x47, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 3]
            )
        )
        let short = try NameQuery(asked).response(.addresses([.v6(high: 1, low: 1)], lifetime: 7))
        #expect(short[(asked.count + 6)...].prefix(4).elementsEqual([0, 0, 0, 7]))
        // Text, mail and the like have none.
        #expect(try NameQuery(question("a.example", type: 16)).response(answer)[7] == 0)
        #expect(try NameQuery(asked).response(.addresses([.v4(1)]))[7] == 0)
    }

    @Test(
        "says what came of it",
        arguments: zip(
            [NameQuery.Answer.nothing, .failed, .noSuchName, .refused],
            [UInt8](arrayLiteral: 0, 2, 3, 5)
        )
    )
    func codes(answer: NameQuery.Answer, code: UInt8) throws {
        let response = try NameQuery(question("a.example", more: [])).response(answer)
        #expect(response[3] & 15 == code)
        #expect(response[7] == 0)
    }

    @Test func `answers who knows EDNS with EDNS`() throws {
        let counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 1]
        let response = try NameQuery(question("a.example", counts: counts, more: options))
            .response(.nothing)
        #expect(response[11] == 1)
        #expect(response.suffix(11).elementsEqual([0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 0]))
    }

    @Test func `stays within what a datagram holds`() throws {
        let label = String(repeating: "a", count: 61)
        let name = [label, label, label, label].joined(separator: ".")
        let counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 1]
        let addresses: [(UInt16, IPAddress)] = [(1, .v4(1)), (28, .v6(high: 1, low: 1))]
        for (type, address) in addresses {
            let query = try NameQuery(question(name, type: type, counts: counts, more: options))
            let response = query.response(.addresses(Array(repeating: address, count: 100)))
            #expect(response[7] == UInt8(NameQuery.addressCountLimit))
            #expect(response.count <= NameQuery.byteCountLimit)
        }
    }

    @Test(
        "refuses what is no plain question",
        arguments: [
            question("a.example", more: [0]),  // something behind it
            question("a.example", counts: [0, 2, 0, 0, 0, 0, 0, 0]),
            question("a.example", counts: [0, 1, 0, 1, 0, 0, 0, 0]),
            question("a.example", counts: [0, 1, 0, 0, 0, 0, 0, 2]),
            question("a.example", counts: [0, 1, 0, 0, 0, 0, 0, 1]),  // no record is there
            question(
                "a.example",
                counts: [0, 1, 0, 0, 0, 0, 0, 1],
                more: [0, 0, 1] + options.dropFirst(3)
            ),
            question(
                "a.example",
                counts: [0, 1, 0, 0, 0, 0, 0, 1],
                more: options.dropLast() + [9]
            ),
            question("a.example", flags: [3, 0]),  // cut off
            [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1],  // points at itself
            [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5, 97],
        ]
    )
    func malformed(bytes: [UInt8]) {
        #expect(throws: NameQuery.Problem.malformed(identifier: 0x1234)) { try NameQuery(bytes) }
        #expect(
            NameQuery.response(.malformed(identifier: 0x1234))?.prefix(4) == [0x12, 0x34, 0x80, 1]
        )
    }

    @Test func `cut anywhere it is no question, and too long neither`() {
        let good = question("api.example.com")
        for count in 0..<good.count {
            #expect(throws: NameQuery.Problem.self) { try NameQuery(Array(good.prefix(count))) }
        }
        let long = [String](repeating: String(repeating: "a", count: 63), count: 4)
        #expect(throws: NameQuery.Problem.self) {
            try NameQuery(question(long.joined(separator: ".")))
        }
        let padded = good + [UInt8](repeating: 0, count: 600)
        #expect(throws: NameQuery.Problem.malformed(identifier: 0x1234)) { try NameQuery(padded) }
    }

    @Test func `an answer is never answered, another operation is`() {
        #expect(throws: NameQuery.Problem.notAQuery) {
            try NameQuery(question("a.b", flags: [0x81, 0]))
        }
        #expect(NameQuery.response(.notAQuery) == nil)
        let update = NameQuery.Problem.otherOperation(identifier: 0x1234)
        #expect(throws: update) { try NameQuery(question("a.b", flags: [0x28, 0])) }
        #expect(NameQuery.response(update)?[3] == 4)
    }

    @Test func `a dot inside a label is no other name`() throws {
        let bytes: [UInt8] =
            [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x61, 0x2e, 0x62, 0, 0, 1, 0, 1]
        #expect(try NameQuery(bytes).name == "a?b")
        #expect(DomainName(try NameQuery(bytes).name) == nil)
    }
}

@Suite struct StandInAddressTests {
    @Test func `a name has one address, which says the name`() throws {
        var names = StandInAddresses(limit: 10)
        let name = try #require(DomainName("waits.example.com"))
        let address = names.address(of: name)
        #expect(names.address(of: name) == address)
        #expect(names.name(of: .v4(address)) == "waits.example.com")
        #expect(AddressReach(.v4(address)) == .reserved)
        #expect(names.name(of: .v4(address ^ 1)) == nil)
        #expect(names.name(of: .loopback) == nil)
        var others = StandInAddresses(limit: 10)
        #expect(others.address(of: name) == address)
    }

    @Test func `the oldest name makes room`() throws {
        var names = StandInAddresses(limit: 3)
        let all = try (0..<4).map { try #require(DomainName("n\($0).example")) }
        let addresses = all.map { names.address(of: $0) }
        #expect(Set(addresses).count == 4)
        #expect(names.name(of: .v4(addresses[0])) == nil)
        #expect(names.name(of: .v4(addresses[3])) == "n3.example")
    }

    @Test func `names keep apart in a full block`() throws {
        var names = StandInAddresses(limit: 20_000)
        var seen: Set<UInt32> = []
        for number in 0..<20_000 {
            seen.insert(names.address(of: try #require(DomainName("n\(number).example.com"))))
        }
        #expect(seen.count == 20_000)
        #expect(seen.allSatisfy { $0 >> 17 == 0xc612_0000 >> 17 })
    }
}

@Suite struct CapturedDestinationTests {
    private func destination(
        _ address: String,
        _ port: UInt16 = 443,
        waiting: String? = nil
    ) throws -> CapturedDestination {
        var names = StandInAddresses(limit: 4)
        if let waiting {
            let bits = names.address(of: try #require(DomainName(waiting)))
            return CapturedDestination(.v4(bits), port: port, names: names)
        }
        return CapturedDestination(try #require(IPAddress(address)), port: port, names: names)
    }

    private func greeting(_ name: String?) throws -> ClientHello {
        var greeting = Greeting()
        greeting.name = name.map { Array($0.utf8) }
        return try #require(try ClientHello.read(greeting.bytes))
    }

    private func target(_ text: String) throws -> EgressTarget {
        try EgressTarget(authority: Array(text.utf8)[...])
    }

    @Test func `the greeting says the name, and without one it is the address`() throws {
        let there = try destination("192.0.2.1")
        let named = try there.target(greeting: try greeting("Api.Example.com"))
        #expect(named == (try target("api.example.com:443")))
        #expect(try there.target(greeting: try greeting(nil)) == target("192.0.2.1:443"))
        #expect(try destination("::ffff:192.0.2.1").target == target("192.0.2.1:443"))
        let literal = try greeting("192.0.2.1")
        #expect(throws: EgressRefusal.self) { try there.target(greeting: literal) }
    }

    @Test func `an address that stands for a name is for that name only`() throws {
        let waits = try destination("", waiting: "waits.example.com")
        let right = try greeting("waits.example.com.")
        #expect(try waits.target(greeting: right).host.description.hasPrefix("waits.example.com"))
        for name in ["evil.example.com", nil] {
            let greeting = try greeting(name)
            #expect(throws: EgressRefusal.self) { try waits.target(greeting: greeting) }
        }
        #expect(throws: EgressRefusal.self) {
            try waits.target(hostField: Array("evil.example.com:443".utf8)[...])
        }
    }

    @Test(
        "a Host field is what was connected to",
        arguments: [
            ("a.example", true), ("a.example:80", true), ("192.0.2.1", true),
            ("a.example:81", false),
            ("192.0.2.2", false), ("a.example:x", false), ("", false), ("a b", false),
            ("[::1]", false),
            ("user@a.example", false),
        ]
    )
    func hosts(field: String, isTaken: Bool) throws {
        let there = try destination("192.0.2.1", 80)
        let found = try? there.target(hostField: Array(field.utf8)[...])
        #expect((found != nil) == isTaken)
        if let found { #expect(found.port == 80) }
    }
}

@Suite struct LookUpBudgetTests {
    private let now = Instant(nanoseconds: 60_000_000_000)

    @Test func `a minute has so many hosts and so many questions`() throws {
        var limits = EgressBudget.Limits()
        limits.hostsPerMinute = 2
        var budget = EgressBudget(limits)
        #expect(budget.lookUp(.name("a"), at: now) == .fine(isNew: true))
        #expect(budget.lookUp(.name("a"), at: now) == .fine(isNew: false))
        // A connection to it is no second host, and one to another is the last.
        #expect(budget.begin(.name("a"), at: now) == nil)
        #expect(budget.begin(.name("b"), at: now) == nil)
        #expect(budget.lookUp(.name("c"), at: now) == .tooMany(.hosts(2)))
        for _ in 0..<Limits.egressNameQueriesPerMinute { _ = budget.lookUp(.name("a"), at: now) }
        let limit = Limits.egressNameQueriesPerMinute
        #expect(budget.lookUp(.name("a"), at: now) == .tooMany(.lookUps(limit)))
        let later = now.advanced(by: .seconds(61))
        #expect(budget.lookUp(.name("c"), at: later) == .fine(isNew: true))
    }
}
