import Base
import Testing

@testable import Screening

@Suite struct LongTextTests {
    private static let secret = "the-value-of-a-secret-7Qz1"

    private func screened(_ text: String, limit: Int) throws -> ScreenedText {
        let secret = try #require(KnownSecret(name: "s", value: Array(Self.secret.utf8)))
        return try Fixture.screener(secrets: [secret]).screen(text: text, limitInBytes: limit)
    }

    @Test(
        "a secret at the end of what is shown is not shown in part",
        arguments: [0, 1, 5, 13, 25, 26, 27]
    )
    func acrossTheEnd(inside: Int) throws {
        let limit = 1000
        let text =
            String(repeating: "a ", count: 500).dropLast(inside) + Self.secret
            + String(repeating: " b", count: 100_000)
        let shown = try screened(String(text), limit: limit).text
        for count in 6...Self.secret.count {
            #expect(!shown.contains(Self.secret.prefix(count)), "\(inside)")
        }
        #expect(shown.contains("[CUT: "))
        #expect(shown.utf8.count < limit + 100)
    }

    @Test func `a secret longer than the reach is not shown in part either`() throws {
        let long = String((0..<30_000).map { Character(Unicode.Scalar(UInt8(97 + $0 * $0 % 23))) })
        let secret = try #require(KnownSecret(name: "s", value: Array(long.utf8)))
        let text = "a " + long + String(repeating: " b", count: 100_000)
        let shown = try Fixture.screener(secrets: [secret])
            .screen(text: text, limitInBytes: 1000).text
        #expect(!shown.contains(long.prefix(6)))
    }

    @Test func `what redaction takes out draws nothing nearer that was not looked at`() throws {
        let limit = 64 << 10
        let text = String(repeating: Self.secret + " ", count: 40_000)
        let shown = try screened(text, limit: limit).text
        #expect(!shown.contains(Self.secret.prefix(12)))
    }

    @Test func `a text up to the limit is whole, one byte more is cut`() throws {
        #expect(try screened(String(repeating: "é", count: 50), limit: 100).text.utf8.count == 100)
        let cut = try screened(String(repeating: "é", count: 50) + "x", limit: 100).text
        #expect(cut.hasPrefix(String(repeating: "é", count: 50) + "\n[CUT: the first 100 of 101"))
        let long = try screened("x" + String(repeating: "é", count: 50_000), limit: 100).text
        #expect(
            long.hasPrefix(
                "x" + String(repeating: "é", count: 49) + "\n[CUT: the first 99 of 100001"
            )
        )
    }
}
