import Base

/// A call form over several lines with everything visible in it, and nothing left out.
///
/// A text of several lines is shown line by line behind `| `; what repeats is folded and counted.
/// No value can imitate that: a line of a value always stands behind `| `, and a backslash of a
/// value is always doubled or begins an escape of JSON.
package enum ArgumentLines {
    /// So many of the same are shown before the rest is counted.
    private static let runLength = 3
    /// The same letter more often than this is counted.
    private static let letterRun = 40

    static func lines(_ callForm: [UInt8]) -> [Card.Line] {
        guard !callForm.isEmpty else { return [.init(.plain, "(not kept any more)")] }
        let found = unfolded(callForm)
        return (found.warning.map { [Card.Line(.alarm, $0)] } ?? []) + folded(found.lines)
    }

    /// Every line there is, and what was written as escapes.
    package static func unfolded(_ source: [UInt8]) -> (lines: [String], warning: String?) {
        var layout = Layout()
        layout.take(source)
        var findings: [Visible.Finding: Int] = [:]
        let lines = layout.lines.map { $0.indent + spell($0.bytes, &findings) }
        return (lines, Visible.warning(of: findings))
    }

    /// Equal lines in a row become one and a count.
    static func folded(_ lines: [String]) -> [Card.Line] {
        var result: [Card.Line] = []
        var start = 0
        while start < lines.count {
            var end = start + 1
            while end < lines.count, lines[end].utf8.elementsEqual(lines[start].utf8) { end += 1 }
            if end - start > runLength {
                result.append(.init(.plain, lines[start]))
                result.append(.init(.folded, "the line above \(end - start - 1) times more"))
            } else {
                result += lines[start..<end].map { .init(.plain, $0) }
            }
            start = end
        }
        return result
    }

    /// JSON text made visible, with long runs of one letter counted.
    static func spell(_ bytes: [UInt8], _ findings: inout [Visible.Finding: Int]) -> String {
        var result = ""
        var plain: [Unicode.Scalar] = []
        func flush() {
            var text = ""
            text.unicodeScalars.append(contentsOf: plain)
            plain.removeAll(keepingCapacity: true)
            let visible = Visible(text)
            findings.merge(visible.findings, uniquingKeysWith: +)
            result += visible.text
        }
        var rest = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let unit = Self.unit(&rest) {
            var count = 1
            var ahead = rest
            while Self.unit(&ahead) == unit {
                count += 1
                rest = ahead
            }
            guard count > letterRun else {
                for _ in 0..<count { plain.append(contentsOf: unit) }
                continue
            }
            plain.append(contentsOf: unit)
            flush()
            result += "\\{\(count)×}"
        }
        flush()
        return result
    }

    /// One letter, or one escape of JSON.
    private static func unit(_ rest: inout Substring.UnicodeScalarView) -> [Unicode.Scalar]? {
        guard let first = rest.popFirst() else { return nil }
        guard first == "\\", let second = rest.popFirst() else { return [first] }
        guard second == "u" else { return [first, second] }
        let digits = rest.prefix(4)
        rest = rest.dropFirst(4)
        return [first, second] + digits
    }

    /// Line breaks and two blanks a level; the bytes of keys and values stay as they are.
    private struct Layout {
        struct Line {
            let indent: String
            var bytes: [UInt8] = []
        }

        private(set) var lines: [Line] = [Line(indent: "")]
        private var depth = 0
        private var isAfterText = false

        mutating func take(_ form: [UInt8]) {
            var index = 0
            while index < form.count {
                let byte = form[index]
                let next = index + 1 < form.count ? form[index + 1] : 0
                switch byte {
                case UInt8(ascii: "\""):
                    let end = Self.end(of: form, from: index)
                    text(form[index..<end], isKey: end < form.count && form[end] == 0x3a)
                    index = end
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    append(byte)
                    depth += 1
                    if next != UInt8(ascii: "}"), next != UInt8(ascii: "]") { breakLine() }
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    depth -= 1
                    let last = index > 0 ? form[index - 1] : 0
                    if last != UInt8(ascii: "{"), last != UInt8(ascii: "[") { breakLine() }
                    append(byte)
                case UInt8(ascii: ","):
                    append(byte)
                    breakLine()
                case UInt8(ascii: ":"):
                    append(byte)
                    append(0x20)
                default: append(byte)
                }
                index += 1
            }
        }

        /// The place after the closing quote.
        private static func end(of form: [UInt8], from start: Int) -> Int {
            var index = start + 1
            while index < form.count {
                if form[index] == UInt8(ascii: "\\") {
                    index += 2
                } else if form[index] == UInt8(ascii: "\"") {
                    return index + 1
                } else {
                    index += 1
                }
            }
            return form.count
        }

        private mutating func text(_ source: ArraySlice<UInt8>, isKey: Bool) {
            let parts = isKey ? [source] : Self.split(source)
            guard parts.count > 1 else {
                lines[lines.count - 1].bytes += source
                return
            }
            let note = "<\(parts.count) lines, \(source.count - 2) bytes as JSON>"
            lines[lines.count - 1].bytes += Array(note.utf8)
            let indent = indent(depth + 1) + "| "
            for (number, part) in parts.enumerated() {
                let from = number == 0 ? part.dropFirst() : part
                let whole = number == parts.count - 1 ? from.dropLast() : from
                lines.append(Line(indent: indent, bytes: Array(whole)))
            }
            lines.append(Line(indent: self.indent(depth)))
            isAfterText = true
        }

        /// Cut after each `\n`, which the lines themselves stand for.
        private static func split(_ source: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
            var parts: [ArraySlice<UInt8>] = []
            var start = source.startIndex
            var index = start
            while index + 1 < source.endIndex {
                guard source[index] == UInt8(ascii: "\\") else {
                    index += 1
                    continue
                }
                if source[index + 1] == UInt8(ascii: "n") {
                    parts.append(source[start..<index])
                    start = index + 2
                }
                index += 2
            }
            return parts + [source[start...]]
        }

        private mutating func append(_ byte: UInt8) {
            isAfterText = false
            lines[lines.count - 1].bytes.append(byte)
        }

        // Deeper levels are not indented further, so that no nesting can make a page of blanks.
        private func indent(_ depth: Int) -> String {
            String(repeating: " ", count: 2 * min(max(depth, 0), 20))
        }

        private mutating func breakLine() {
            // Nothing follows a text of several lines: the line begun for it is this one.
            if isAfterText { lines.removeLast() }
            isAfterText = false
            lines.append(Line(indent: indent(depth)))
        }
    }
}
