/// Screens a stream that comes line by line, such as a server's standard error.
///
/// A key in armour is many lines; from its first line to its last nothing is shown, whatever the
/// lines between look like. The end is awaited for `longestKey` lines.
package struct LineScreener: Sendable {
    /// Replaced when the known secrets change; a key that is under way stays hidden.
    package var screener: Screener
    private let limitInBytes: Int
    private var linesOfKey = 0

    /// A key of 16,384 bits has 260 lines; armour that never ends hides no more than this.
    static let longestKey = 400

    package init(screener: Screener, limitInBytes: Int) {
        self.screener = screener
        self.limitInBytes = limitInBytes
    }

    /// The line without its break, as it may be shown and kept.
    package mutating func screen(line: [UInt8]) -> ScreenedText {
        if linesOfKey > 0 {
            linesOfKey -= 1
            if KeyBlock.hasMarker(line, "-----END") { linesOfKey = 0 }
            var report = ScreeningReport()
            report.count(rule: "private-key")
            return ScreenedText(text: "[REDACTED:private-key]", report: report)
        }
        if KeyBlock.hasMarker(line, "-----BEGIN"), !KeyBlock.hasMarker(line, "-----END") {
            linesOfKey = Self.longestKey
        }
        return screener.screen(utf8: line, limitInBytes: limitInBytes)
    }
}
