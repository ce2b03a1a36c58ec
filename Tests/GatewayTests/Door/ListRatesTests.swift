import Base
import Testing

@testable import Gateway

@Suite("How often lists are shown")
struct ListRatesTests {
    private let key = PrincipalKey(tenant: .main, token: "t")
    private let other = PrincipalKey(tenant: .main, token: "u")
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    @Test func `as many as a minute may have, and then none until it is over`() {
        var rates = ListRates()
        for _ in 0..<Limits.listsPerMinute { #expect(rates.waiting(key, at: start) == nil) }
        let wait = rates.waiting(key, at: start)
        #expect(wait.map { $0 > .zero && $0 <= .seconds(64) } == true)
        #expect(rates.waiting(other, at: start) == nil)
        #expect(rates.waiting(key, at: start.advanced(by: .seconds(64))) == nil)
    }

    @Test func `credentials that went quiet are forgotten, busy ones are not`() {
        var rates = ListRates()
        for _ in 0..<Limits.listsPerMinute { _ = rates.waiting(key, at: start) }
        for number in 0..<(2 * Limits.sessionsPerPrincipal) {
            let passing = PrincipalKey(tenant: .main, token: "p\(number)")
            #expect(rates.waiting(passing, at: start) == nil)
        }
        #expect(rates.waiting(key, at: start) != nil)
    }
}
