package import Base
package import JSON

/// The one function every text from an upstream passes before an agent, a log or a record sees it.
///
/// It takes out secrets, breaks up imitations of its own marks, holds to limits and puts what
/// nobody vouches for between marks. It is a value: a new set of secrets is a new screener.
package final class Screener: Sendable {
    let redactor: Redactor
    let clock: any Clock
    let random: any RandomSource

    package init(
        secrets: [KnownSecret],
        rules: RuleBook,
        clock: any Clock,
        random: any RandomSource
    ) {
        redactor = Redactor(secrets: SecretScanner(secrets), rules: RuleScanner(book: rules))
        self.clock = clock
        self.random = random
    }

    /// Screens a line or a message: error texts, progress, log lines, what a server writes to its
    /// standard error.
    ///
    /// - Parameter source: when given, the text is nobody's word and is put between marks.
    package func screen(
        text: String,
        limitInBytes: Int = 64 << 10,
        untrustedSource source: String? = nil
    ) -> ScreenedText {
        screen(utf8: Array(text.utf8), limitInBytes: limitInBytes, untrustedSource: source)
    }

    /// The same for bytes, which become UTF-8 with U+FFFD for what is none.
    package func screen(
        utf8 bytes: [UInt8],
        limitInBytes: Int = 64 << 10,
        untrustedSource source: String? = nil
    ) -> ScreenedText {
        if source == nil, bytes.count <= limitInBytes,
            redactor.findsNothing(in: bytes, 0..<bytes.count)
        {
            let text = String(decoding: bytes, as: UTF8.self)
            return ScreenedText(text: text, report: ScreeningReport())
        }
        var report = ScreeningReport()
        let limitInBytes = max(0, limitInBytes)
        var content: [UInt8]
        /// How much of `bytes` is taken up at all; what lies far behind the limit is not looked at.
        var taken = bytes.count
        do {
            let reach = max(Limits.screeningReach, redactor.secrets.widest)
            let isLong = bytes.count - min(limitInBytes, bytes.count) > reach
            let near = isLong ? Array(bytes[..<(limitInBytes + reach)]) : bytes
            var budget = WorkBudget(byteCount: near.count, clock: clock)
            var findings = try redactor.findings(in: near, budget: &budget)
            if isLong {
                taken = CodePoints.floor(limitInBytes, in: bytes)
                // A secret that lies across the end goes whole.
                if let across = findings.first(where: { $0.range.upperBound > taken }) {
                    taken = min(taken, across.range.lowerBound)
                }
                findings.removeAll { $0.range.upperBound > taken }
            }
            report.count(findings)
            let isAsItCame = findings.isEmpty && taken == bytes.count
            content = isAsItCame ? bytes : Redactor.redacted(bytes[..<taken], findings)
        } catch {
            report.withhold("\(error)")
            return ScreenedText(text: Self.withheldText("\(error)"), report: report)
        }
        var note = ""
        if taken < bytes.count || content.count > limitInBytes {
            let end = CodePoints.floor(min(limitInBytes, content.count), in: content)
            let total = content.count + bytes.count - taken
            note = Self.cutText(shown: end, total: total)
            report.cut(.bytes, shown: end, of: total)
            content = Array(content[..<end])
        }
        if let source {
            let mark = Mark(source: SourceName(source), random: random, .text)
            content = Array(mark.opening) + content + mark.closing
            report.isMarked = true
        }
        if !note.isEmpty { content += "\n\(note)".utf8 }
        return ScreenedText(text: String(decoding: content, as: UTF8.self), report: report)
    }

    /// Screens any JSON value: an error's `data`, a notification's `params`.
    ///
    /// Strings, keys and long numbers are looked at; the value's shape stays. Withheld, it becomes
    /// a string that says so.
    package func screen(value node: JSONNode) -> ScreenedValue {
        var report = ScreeningReport()
        do {
            let edits = try examine(node, &report).withTokens()
            let bytes = edits.isEmpty ? node.source : edits.applied(to: node.source)[...]
            return ScreenedValue(bytes: bytes, report: report)
        } catch {
            report.withhold("\(error)")
            var writer = JSONWriter()
            writer.string(Self.withheldText("\(error)"))
            return ScreenedValue(bytes: writer.bytes[...], report: report)
        }
    }

    /// Whether a known secret stands in bytes that may be given on whole or not at all.
    ///
    /// Yes when that cannot be said in time.
    package func holdsKnownSecret(_ bytes: ArraySlice<UInt8>) -> Bool {
        var budget = WorkBudget(byteCount: bytes.count, clock: clock)
        var findings: [Finding] = []
        do {
            try redactor.secrets.appendFindings(in: Array(bytes), to: &findings, budget: &budget)
            return !findings.isEmpty
        } catch {
            return true
        }
    }

    static func withheldText(_ reason: String) -> String { "[WITHHELD: \(reason)]" }

    static func cutText(shown: Int, total: Int) -> String {
        "[CUT: the first \(shown) of \(total) bytes are shown]"
    }
}

/// A text that passed the screener.
package struct ScreenedText: Sendable {
    package let text: String
    package let report: ScreeningReport
}

/// A JSON value that passed the screener, as JSON text.
package struct ScreenedValue: Sendable {
    package let bytes: ArraySlice<UInt8>
    package let report: ScreeningReport
}
