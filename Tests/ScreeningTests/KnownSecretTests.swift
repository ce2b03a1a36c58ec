import Base
import JSON
import TestKit
import Testing

@testable import Screening

private let value = "pa$$w/rd \"9\\x=é?>~"

private func percent(_ text: String, keeping: (UInt8) -> Bool, upper: Bool = true) -> String {
    text.utf8.map { byte -> String in
        if keeping(byte) { return String(UnicodeScalar(byte)) }
        let hex = Hex.encode([byte])
        return "%" + (upper ? hex.uppercased() : hex)
    }.joined()
}

private func isUnreserved(_ byte: UInt8) -> Bool {
    Letters.isAlphanumeric(byte) || [0x2d, 0x2e, 0x5f, 0x7e].contains(byte)
}

/// Every spelling of a value that must not survive.
private func spellings(of value: String) -> [String] {
    let bytes = Array(value.utf8)
    var quoted = JSONWriter()
    quoted.string(value)
    let json = String(decoding: quoted.bytes.dropFirst().dropLast(), as: UTF8.self)
    let units = value.utf16.map {
        let hex = String($0, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }
    var result = [
        value, json, units.joined(), json.replacing("/", with: "\\/"),
        Hex.encode(bytes), Hex.encode(bytes).uppercased(),
        percent(value, keeping: isUnreserved), percent(value, keeping: isUnreserved, upper: false),
        percent(value, keeping: { _ in false }),
        percent(value, keeping: { isUnreserved($0) || $0 == 0x2f || $0 == 0x24 }),
        percent(value, keeping: isUnreserved).replacing("%20", with: "+"),
    ]
    for before in 0..<3 {
        let padded = Array("ab".utf8.prefix(before)) + bytes
        for after in 0..<3 {
            for alphabet in [Base64.Alphabet.standard, .urlSafe] {
                let text = Base64.encode(padded + Array("cd".utf8.prefix(after)), alphabet)
                result += [text, percent(text, keeping: isUnreserved)]
            }
        }
    }
    return result
}

@Suite struct KnownSecretTests {
    @Test("takes out every spelling", arguments: spellings(of: value))
    func takesOut(spelling: String) throws {
        let secret = try Fixture.secret("db", value)
        let output = try Fixture.redacted("before <\(spelling)> after", secrets: [secret])
        #expect(output.hasPrefix("before <"))
        #expect(output.hasSuffix("> after"))
        let left = output.dropFirst(8).dropLast(7).replacing("[REDACTED:known-secret]", with: "")
        // Base64 of what stands beside the value may stay: at most two bytes on either side, and padding.
        #expect(left.utf8.count <= 12, "\(output)")
    }

    @Test("finds a secret wherever it stands", arguments: [0, 1, 63, 4095, 32_767, 32_768, 70_000])
    func finds(offset: Int) throws {
        let secret = try Fixture.secret("db", value)
        for spelling in [
            value, percent(value, keeping: { _ in false }), "pa$$w\\/rd \\\"9\\\\x=é?>~",
        ] {
            let output = try Fixture.redacted(
                String(repeating: "%41", count: offset / 3)
                    + String(repeating: ".", count: offset % 3)
                    + spelling + "tail",
                secrets: [secret]
            )
            #expect(output.hasSuffix("[REDACTED:known-secret]tail"))
        }
    }

    @Test func `the letters beside a Base64 hit go, too`() throws {
        let secret = try Fixture.secret("db", "0123456789")
        let text = Base64.encode(Array("x0123456789y".utf8))
        #expect(try Fixture.redacted(text, secrets: [secret]) == "e[REDACTED:known-secret]5")
    }

    @Test func `several secrets and overlaps become one mark each`() throws {
        let secrets = [
            try Fixture.secret("a", "abcdefgh12"), try Fixture.secret("b", "efgh12ijkl"),
        ]
        #expect(
            try Fixture.redacted("<abcdefgh12ijkl> <abcdefgh12>", secrets: secrets)
                == "<[REDACTED:known-secret]> <[REDACTED:known-secret]>"
        )
    }

    @Test func `a line of a secret of many lines is a secret`() throws {
        let line = "QmFzZTY0IG9mIGEga2V5LCBsaW5lIDE"
        let secret = try Fixture.secret(
            "key",
            "-----BEGIN X-----\n\(line)\nshort\n-----END X-----\n"
        )
        #expect(
            try Fixture.redacted("  12 \(line)", secrets: [secret])
                == "  12 [REDACTED:known-secret]"
        )
    }

    @Test func `case and near misses are other values`() throws {
        let secret = try Fixture.secret("db", "Abcdef-123456")
        for other in ["abcdef-123456", "Abcdef-12345", "Abcdef 123456"] {
            #expect(try Fixture.redacted(other, secrets: [secret]) == other)
        }
    }

    @Test(arguments: [("12345", false), ("123456", true), ("  12345\n", false)])
    func `a value shorter than the least is not taken`(value: String, isTaken: Bool) {
        #expect((KnownSecret(name: "x", value: Array(value.utf8)) != nil) == isTaken)
    }

    @Test func `bytes that are no text are searched as well`() throws {
        let secret = try Fixture.secret("db", "0123456789")
        let result = try Fixture.screener(secrets: [secret])
            .screen(utf8: [0xff, 0xc3] + Array("0123456789".utf8) + [0x80])
        #expect(!result.text.contains("0123456789"))
        #expect(result.report.secrets == ["db": 1])
    }

    @Test("random texts never keep a spelling", arguments: 1...40)
    func fuzz(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let alphabet = Array("abcXYZ019-_/+=\"\\ $%é\n{}<>")
        let count = Int.random(in: 8...60, using: &random)
        let value =
            "s" + String((0..<count).map { _ in alphabet.randomElement(using: &random) ?? "x" })
            + "e"
        let secret = try Fixture.secret("fuzz", value)
        let forms = spellings(of: value)
        var text = ""
        for _ in 0..<30 {
            let filler = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? "x"
            }
            text += String(filler) + " " + (forms.randomElement(using: &random) ?? "") + " "
        }
        let output = Array(try Fixture.redacted(text, secrets: [secret]).utf8)
        // Exact spellings; of Base64 the letters that hold nothing but the value.
        let exact = [
            Array(value.utf8), Array(Hex.encode(Array(value.utf8)).utf8),
            Array(Hex.encode(Array(value.utf8)).uppercased().utf8),
            Array(percent(value, keeping: { _ in false }).utf8),
            Array(Base64.encode(Array(value.utf8).prefix(value.utf8.count / 3 * 3)).utf8),
        ]
        for form in exact { #expect(!contains(output, form), "seed \(seed)") }
    }
}

@Suite struct LiteralScannerTests {
    @Test("agrees with a search byte by byte", arguments: 1...60)
    func agrees(seed: Int) {
        var random = Seeded(UInt64(seed))
        func word(_ least: Int, _ most: Int) -> [UInt8] {
            (0..<Int.random(in: least...most, using: &random)).map { _ in
                UInt8.random(in: 0x61...0x63, using: &random)
            }
        }
        let literals = (0..<Int.random(in: 1...8, using: &random)).map { _ in word(2, 7) }
        let text = word(0, 400)
        var hits: [LiteralScanner.Hit] = []
        LiteralScanner(literals).appendHits(in: text.span, range: 0..<text.count, to: &hits)
        var expected: Set<String> = []
        for (index, literal) in literals.enumerated() {
            for start in text.indices where text[start...].starts(with: literal) {
                expected.insert("\(start) \(index)")
            }
        }
        #expect(Set(hits.map { "\($0.range.lowerBound) \($0.literal)" }) == expected)
        #expect(hits.count == expected.count)
    }

    @Test func `an empty set and a short text are no trap`() {
        var hits: [LiteralScanner.Hit] = []
        LiteralScanner([]).appendHits(in: [1, 2, 3].span, range: 0..<3, to: &hits)
        LiteralScanner([[1, 2, 3, 4]]).appendHits(in: [1, 2].span, range: 0..<2, to: &hits)
        #expect(hits == [])
    }
}

@Suite struct LineScreenerTests {
    @Test func `a key that comes line by line is hidden to its end`() throws {
        var lines = LineScreener(screener: try Fixture.screener(), limitInBytes: 1024)
        func shown(_ text: String) -> String { lines.screen(line: Array(text.utf8)).text }
        #expect(shown("12:00 start") == "12:00 start")
        #expect(shown("12:00 -----BEGIN RSA PRIVATE KEY-----") == "12:00 [REDACTED:private-key]")
        #expect(shown("12:00 qwI=") == "[REDACTED:private-key]")
        #expect(shown("12:00 -----END RSA PRIVATE KEY-----") == "[REDACTED:private-key]")
        #expect(shown("12:00 done") == "12:00 done")
    }

    @Test func `armour that never ends hides a bounded number of lines`() throws {
        var lines = LineScreener(screener: try Fixture.screener(), limitInBytes: 1024)
        _ = lines.screen(line: Array("-----BEGIN PRIVATE KEY-----".utf8))
        for _ in 0..<LineScreener.longestKey { _ = lines.screen(line: [0x61]) }
        #expect(lines.screen(line: [0x61]).text == "a")
    }

    @Test(arguments: [(5, "hello"), (4, "hell\n[CUT: the first 4 of 5 bytes are shown]")])
    func `a line is cut at its limit`(limit: Int, expected: String) throws {
        var lines = LineScreener(screener: try Fixture.screener(), limitInBytes: limit)
        #expect(lines.screen(line: Array("hello".utf8)).text == expected)
    }
}
