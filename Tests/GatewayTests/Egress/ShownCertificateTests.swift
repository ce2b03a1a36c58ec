import Base
import Crypto
import TestKit
import Testing

@testable import Gateway

/// A rule for all names below one lets a server ask for any number of certificates.
@Suite struct ShownCertificateTests {
    @Test func `a server's certificates are kept, and no more of them than the limit`() throws {
        let clock = ManualClock()
        let now = clock.timestamp
        let start = SecretBroker.Start(
            placeholders: [:],
            authority: try CertificateAuthority(
                "gatehouse test",
                for: ["example.com"],
                from: now.advanced(by: .seconds(-3600)),
                to: now.advanced(by: .seconds(3600))
            ),
            clock: clock
        )
        let first = try start.context(for: "first.example.com", at: now)
        for number in 1..<Limits.shownCertificateCount {
            _ = try start.context(for: "h\(number).example.com", at: now)
        }
        #expect(try start.context(for: "first.example.com", at: now) === first)
        #expect(start.keptCount == Limits.shownCertificateCount)
        _ = try start.context(for: "one-more.example.com", at: now)
        #expect(start.keptCount == 1)
        #expect(try start.context(for: "first.example.com", at: now) !== first)
    }
}
