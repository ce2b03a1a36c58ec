import Base
import JSON
import Patterns
import TestKit
import Testing

@testable import Screening

/// Lines with and without secrets that another project collected.
///
/// A line counts as found when nothing of its value is left; a negative counts against precision
/// when anything in it was taken. Findings of one file are also screened as the text they were,
/// because a key's lines say nothing one by one.
@Suite(.enabled(if: Corpus.has("credsweeper"), "corpus credsweeper is not here"))
struct CredSweeperTests {
    struct Line {
        let file: String
        let number: Int
        let text: [UInt8]
        let value: [UInt8]
    }

    static func lines(_ name: String) throws -> [Line] {
        guard let folder = Corpus.folder("credsweeper"),
            let bytes = Corpus.bytes(folder + "/" + name)
        else { return [] }
        return try bytes.split(separator: 0x0a).map { line in
            let root = try JSONDocument(parsing: Array(line)).root
            return Line(
                file: root["file"]?.string ?? "",
                number: Int(root["line_num"]?.number?.int64 ?? 0),
                text: root["line"]?.utf8 ?? [],
                value: root["value"]?.utf8 ?? []
            )
        }
    }

    static func redacted(_ text: [UInt8], _ redactor: Redactor) throws -> [UInt8] {
        var budget = WorkBudget(byteCount: text.count, clock: ManualClock())
        let findings = try redactor.findings(in: text, budget: &budget)
        return Redactor.redacted(text[...], findings)
    }

    @Test func `recall and precision are at least four in five`() throws {
        let redactor = try Fixture.redactor()
        let positives = try Self.lines("positives.jsonl")
        let negatives = try Self.lines("negatives.jsonl")
        try #require(positives.count > 100 && negatives.count > 100)
        var total = 0
        var found = 0
        for line in positives where !line.value.isEmpty {
            total += 1
            if try !contains(Self.redacted(line.text, redactor), line.value) { found += 1 }
        }
        var alarms = 0
        for line in negatives where try Self.redacted(line.text, redactor) != line.text {
            alarms += 1
        }
        let recall = Double(found) / Double(total)
        let precision = Double(found) / Double(found + alarms)
        print("credsweeper by line: recall \(recall), precision \(precision)")
        #expect(recall >= 0.8)
        #expect(precision >= 0.8)
    }

    @Test func `a file's findings in their order are found as one text`() throws {
        let redactor = try Fixture.redactor()
        let byFile = Dictionary(grouping: try Self.lines("positives.jsonl"), by: \.file)
        var found = 0
        var total = 0
        for lines in byFile.values {
            var seen: Set<Int> = []
            let rows = lines.sorted { $0.number < $1.number }
                .filter { seen.insert($0.number).inserted }
            let text = Array(rows.map(\.text).joined(separator: [0x0a]))
            let output = try Self.redacted(text, redactor)
            for line in lines where !line.value.isEmpty {
                total += 1
                if !contains(output, line.value) { found += 1 }
            }
        }
        let recall = Double(found) / Double(max(1, total))
        print("credsweeper by file: recall \(recall)")
        #expect(recall >= 0.8)
    }
}
