import Base
import JSON
import Patterns
import Screening

/// A text with secrets in it: none of their spellings comes out, on any of the ways to the agent.
///
/// Bytes 1 to 5 of an input stand for a secret in one of its spellings, so that the fuzzer can put
/// them anywhere.
enum ScreeningFuzz {
    private static let secret = "zq9-Correct.Horse/7"
    private static let spellings: [[UInt8]] = {
        let bytes = Array(secret.utf8)
        let hex = Hex.encode(bytes)
        let percent = "%" + bytes.map { Hex.encode([$0]) }.joined(separator: "%")
        let escaped = bytes.map { "\\u00" + Hex.encode([$0]) }.joined()
        return [secret, Base64.encode(bytes), hex, percent, escaped].map { Array($0.utf8) }
    }()

    private static let screener: Screener? = {
        guard let book = try? RuleBook(RedactionRule.builtIn, engine: RegexEngine()),
            let known = KnownSecret(name: "upstream", value: Array(secret.utf8))
        else { return nil }
        return Screener(
            secrets: [known],
            rules: book,
            clock: StandingClock(),
            random: CountingRandom()
        )
    }()

    static func prepare() { _ = screener?.screen(text: "") }

    static func check(_ bytes: [UInt8]) {
        guard let screener else { return expect(false, "the built-in rules load") }
        var input: [UInt8] = []
        for byte in bytes {
            if (1...5).contains(byte) {
                input += spellings[Int(byte) - 1]
            } else {
                input.append(byte)
            }
        }
        whole(input, screener)
        lines(input, screener)
        result(input, screener)
    }

    /// The plain spelling and those that are found by their letters; the two escaped ones would be
    /// decoded by the reader, and so are they here.
    private static func isClean(_ output: [UInt8]) -> Bool {
        let decoded = percentDecoded(output)
        return spellings[..<3].allSatisfy { !holds(output, $0) } && !holds(decoded, spellings[0])
    }

    private static func whole(_ input: [UInt8], _ screener: Screener) {
        let screened = screener.screen(utf8: input, limitInBytes: 1 << 20)
        expect(isClean(Array(screened.text.utf8)), "no spelling of a secret comes out of a text")
        let marked = screener.screen(utf8: input, limitInBytes: 4096, untrustedSource: "a__b")
        expect(isClean(Array(marked.text.utf8)), "nor out of one that is marked and cut")
        let marks = marked.text.components(of: "UNTRUSTED_EXTERNAL_DATA")
        expect(marks == 2 || !marked.report.isMarked, "there is one mark and its end: \(marks)")

        // What stands far before or behind changes nothing of what is found.
        guard input.count % 4 == 0 else { return }
        let filler = Array(String(repeating: "the quick brown fox\n", count: 500).utf8)
        let padded = screener.screen(utf8: filler + input + [10] + filler, limitInBytes: 1 << 20)
        for (name, count) in screened.report.secrets {
            expect(
                padded.report.secrets[name, default: 0] >= count,
                "a secret is found wherever it stands"
            )
        }
    }

    private static func lines(_ input: [UInt8], _ screener: Screener) {
        var lines = LineScreener(screener: screener, limitInBytes: 4096)
        for line in input.split(separator: 10) {
            let shown = lines.screen(line: Array(line)).text
            expect(isClean(Array(shown.utf8)), "no spelling of a secret comes out of a line")
        }
    }

    private static func result(_ input: [UInt8], _ screener: Screener) {
        let words = text(input)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        writer.beginObject()
        writer.key("type")
        writer.string("text")
        writer.key("text")
        writer.string(words)
        writer.endObject()
        writer.endArray()
        writer.key("structuredContent")
        writer.beginObject()
        writer.key(words)
        writer.beginArray()
        writer.string(words)
        writer.number(12)
        writer.endArray()
        writer.endObject()
        writer.endObject()
        check(writer.bytes, screener)
        check(input, screener)
    }

    private static func check(_ bytes: [UInt8], _ screener: Screener) {
        guard let document = try? JSONDocument(parsing: bytes, limits: .result) else { return }
        let value = screener.screen(value: document.root)
        guard let screened = try? JSONDocument(parsing: value.bytes, limits: .result) else {
            return expect(false, "a screened value is JSON")
        }
        expect(areClean(screened.root), "no spelling of a secret comes out of a value")
        if value.report.withheld.isEmpty {
            expect(hasShape(screened.root, of: document.root), "a screened value keeps its shape")
        }
        let context = ScreeningContext(source: "a__b")
        guard let result = try? screener.screen(result: document.root, context: context) else {
            return
        }
        guard let shown = try? JSONDocument(parsing: result.bytes, limits: .result) else {
            return expect(false, "a screened result is JSON")
        }
        expect(areClean(shown.root), "no spelling of a secret comes out of a result")
    }

    // MARK: looking

    private static func areClean(_ root: JSONNode) -> Bool {
        var open = [root]
        while let node = open.popLast() {
            if let bytes = node.utf8, !isClean(bytes) { return false }
            for (key, value) in node.members {
                guard isClean(Array(key.text.utf8)) else { return false }
                open.append(value)
            }
            open += node.elements
        }
        return true
    }

    private static func hasShape(_ left: JSONNode, of right: JSONNode) -> Bool {
        var open = [(left, right)]
        while let (left, right) = open.popLast() {
            // A long number may hold a secret; it becomes a string.
            guard left.kind == right.kind || (right.kind == .number && left.kind == .string),
                left.count == right.count
            else { return false }
            open += zip(left.elements, right.elements)
            open += zip(left.members.map(\.value), right.members.map(\.value))
        }
        return true
    }

    private static func holds(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard let first = part.first, text.count >= part.count else { return false }
        return (0...text.count - part.count).contains {
            text[$0] == first && text[$0...].starts(with: part)
        }
    }

    private static func percentDecoded(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == 0x25, index + 2 < text.count,
                let high = Hex.value(of: text[index + 1]),
                let low = Hex.value(of: text[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        let part = Array(part.utf8)
        let text = Array(utf8)
        guard text.count >= part.count else { return 0 }
        return (0...text.count - part.count).count {
            text[$0] == part[0] && text[$0...].starts(with: part)
        }
    }
}
