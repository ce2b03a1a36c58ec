import Base
import Testing

@testable import Egress

@Suite struct ToldAddressesTests {
    private let start = Instant(nanoseconds: 60_000_000_000)
    private let one: [IPAddress] = [.v4(1)]
    private let other: [IPAddress] = [.v4(2)]

    @Test func `asking again does not make the minute longer`() {
        var told = ToldAddresses(limit: 10)
        let first = told.keep(one, of: "a.example", at: start)
        let late = start.advanced(by: .milliseconds(58_500))
        // What a second look-up says meanwhile does not count either.
        let second = told.keep(other, of: "a.example", at: late)
        #expect(told.addresses(of: "a.example", at: late) == one)
        let last = start.advanced(by: .milliseconds(59_999))
        let third = told.keep(one, of: "a.example", at: last)
        let end = start.advanced(by: .seconds(60))
        #expect(told.addresses(of: "a.example", at: end) == nil)
        let fourth = told.keep(other, of: "a.example", at: end)
        #expect([first, second, third, fourth] == [60, 1, 0, 60])
        #expect(told.addresses(of: "a.example", at: end) == other)
    }

    @Test func `a full table makes room among what is over, or forgets all`() {
        var told = ToldAddresses(limit: 2)
        _ = told.keep(one, of: "a.example", at: start)
        let middle = start.advanced(by: .seconds(30))
        _ = told.keep(one, of: "b.example", at: middle)
        let later = start.advanced(by: .seconds(61))
        _ = told.keep(one, of: "c.example", at: later)
        #expect(told.addresses(of: "b.example", at: later) == one)
        _ = told.keep(one, of: "d.example", at: later)
        for name in ["b.example", "c.example"] {
            #expect(told.addresses(of: name, at: later) == nil)
        }
        #expect(told.addresses(of: "d.example", at: later) == one)
    }
}

@Suite struct QuietTimeTests {
    @Test(arguments: [1, Limits.egressAlarmCount])
    func `so many are told within ten seconds of the first`(limit: Int) {
        var quiet = QuietTime(limit)
        for start in [Instant(nanoseconds: 0), Instant(nanoseconds: 10_000_000_000)] {
            let end = start.advanced(by: .milliseconds(9_999))
            let told = (0..<100).map { quiet.admits(at: $0 < 99 ? start : end) }
            #expect(told.count { $0 } == limit)
            #expect(told.last == false)
        }
    }
}
