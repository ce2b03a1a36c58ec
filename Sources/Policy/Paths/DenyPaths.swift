import Base

/// The denied paths that hold for one tool, ready to look through a whole call form.
///
/// Every string of the call form, keys too, of one line and up to 4 KiB is read as a path. Both
/// slashes separate, and so do `:`, `=` and `@` (drives, streams, `--file=…`, `host:…`) and what ends
/// the path of a URI or parts a list: `?`, `#`, `;`, `&`, `,` and `!` (`jar:…!/…`). Case, needless
/// dots, trailing dots and blanks and characters without width make no difference; percent escapes
/// are undone up to twice; `..` is looked at both as it stands and resolved.
///
/// A class only because every call is handed it: one reference is cheaper to hold than the lists
/// inside.
package final class DenyPaths: Sendable {
    private let floating: [DenyPath]
    private let anchored: [DenyPath]
    /// What anchored patterns mean for a path that is relative to the server's root.
    private let tails: [DenyPath]
    private let beginnings: DeniedBeginnings

    package let patterns: [DenyPath]

    package init(_ patterns: [DenyPath], root: ServerRoot = .top) {
        self.patterns = patterns
        floating = patterns.filter { !$0.isAnchored }
        anchored = patterns.filter(\.isAnchored)
        tails = anchored.compactMap { $0.tail(below: root) }
        beginnings = DeniedBeginnings((patterns + tails).map(\.beginning))
    }

    /// The first pattern that denies something in these call-form bytes; nil when none does.
    ///
    /// The form is valid JSON, so that every quote begins or ends a string. Linear in its length.
    package func firstMatch(in callForm: [UInt8]) -> DenyPath? {
        guard mayMatch(anywhereIn: callForm[...]) else { return nil }
        let bytes = callForm.span
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\"") else {
                index += 1
                continue
            }
            let start = index + 1
            let (end, isSuspicious) = scanString(bytes, from: start)
            if isSuspicious, let match = match(Self.unescaped(callForm[start..<end])) {
                return match
            }
            index = end + 1
        }
        return nil
    }

    /// Whether a denied path could stand in a JSON text: as a string, or in one between blanks and marks.
    ///
    /// No is certain, yes is not; each byte is looked at once, most of them many at a time.
    package func mayMatch(anywhereIn json: ArraySlice<UInt8>) -> Bool {
        let bytes = json.span
        var index = 0
        while index < bytes.count {
            let end = min(index + DeniedBeginnings.blockByteCount, bytes.count)
            if !beginnings.misses(bytes, blockAt: index), mayMatch(bytes, index..<end) {
                return true
            }
            index = end
        }
        return false
    }

    private func mayMatch(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range where beginnings.mayBegin(bytes, at: index) {
            // What is escaped in any way is no word and left to the careful reading.
            let isInside = index > 0 && Self.isOfWord(bytes[index - 1])
            if !isInside || !Self.isOfWord(bytes[index]) { return true }
        }
        return false
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a, UInt8(ascii: "."): true
        default: false
        }
    }

    /// Where the string ends, and whether any of its components could begin a match.
    private func scanString(_ bytes: Span<UInt8>, from start: Int) -> (end: Int, Bool) {
        var index = start
        var begins = true
        // Blanks at the very start are not part of a path, so that it begins after them.
        var isLeading = true
        var isSuspicious = false
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""): return (index, isSuspicious)
            case UInt8(ascii: "\\"):
                // An escape: let the careful reading decide.
                isSuspicious = true
                index += 1
                begins = true
            case _ where Self.isSeparator(byte): begins = true
            case UInt8(ascii: " "):
                begins = begins && isLeading
            case UInt8(ascii: "%"), 0x80...:
                isSuspicious = true
                begins = false
            default:
                if begins, beginnings.mayBegin(bytes, at: index) { isSuspicious = true }
                begins = false
            }
            isLeading = isLeading && byte == UInt8(ascii: " ")
            index += 1
        }
        return (bytes.count, isSuspicious)
    }

    /// The careful reading of one decoded string.
    package func match(_ text: [UInt8]) -> DenyPath? {
        let line = Self.trimmed(text[...])
        guard !line.isEmpty, !line.contains(where: { $0 == 0x0a || $0 == 0x0d }) else {
            return nil
        }
        var reading = Array(line)
        for _ in 0..<3 {
            // What comes after a NUL is lost on the way to the system call.
            let cut = reading.prefix { $0 != 0 }
            if let match = matchOne(cut) { return match }
            if cut.count < reading.count, let match = matchOne(reading[...]) { return match }
            if let plain = Self.withoutParameters(cut), let match = matchOne(plain[...]) {
                return match
            }
            guard let decoded = PathFolding.percentDecoded(reading) else { return nil }
            reading = decoded
        }
        return nil
    }

    /// Each component up to its `;`, as readers of URIs take it; nil when there is none.
    private static func withoutParameters(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.contains(UInt8(ascii: ";")) else { return nil }
        var isParameter = false
        return text.filter { byte in
            isParameter = !isSlash(byte) && (isParameter || byte == UInt8(ascii: ";"))
            return !isParameter
        }
    }

    /// A text longer than any path is one only if it is when what says nothing is left out.
    private func matchOne(_ text: ArraySlice<UInt8>) -> DenyPath? {
        guard text.count > Components.pathByteCount else { return matchFolded(text) }
        return Self.shortened(text).flatMap { matchFolded($0[...]) }
    }

    private func matchFolded(_ text: ArraySlice<UInt8>) -> DenyPath? {
        var folded = PathFolding()
        folded.append(text)
        let bytes = folded.bytes.span
        guard bytes.count > 0, bytes.count <= Components.pathByteCount * 3 else { return nil }
        let isAbsolute = Self.isSlash(bytes[0])
        var standing = Components()
        var resolved = Components()
        // Whether the text is more than a path below the root: it may begin at the top anywhere.
        var isLoose = bytes[0] == UInt8(ascii: "~")
        var start = 0
        for index in 0...bytes.count where index == bytes.count || Self.isSeparator(bytes[index]) {
            if index < bytes.count, !Self.isSlash(bytes[index]) { isLoose = true }
            defer { start = index + 1 }
            let end = Self.trimmedEnd(bytes, start, index)
            if end == start {
                if Self.isParent(bytes, start, index) {
                    isLoose = isLoose || (!isAbsolute && resolved.count == 0)
                    resolved.removeLast()
                    // No pattern matches nothing, so that what stands around `..` is kept apart.
                    standing.appendAny(start, start)
                }
                continue
            }
            standing.appendAny(start, end)
            resolved.appendAny(start, end)
        }
        return match(bytes, standing, isAbsolute: isAbsolute, isLoose: isLoose)
            ?? match(bytes, resolved, isAbsolute: isAbsolute, isLoose: isLoose)
    }

    private func match(
        _ bytes: Span<UInt8>,
        _ components: Components,
        isAbsolute: Bool,
        isLoose: Bool
    ) -> DenyPath? {
        var floating = Search(floating)
        var anchored = Search(anchored)
        for start in 0..<components.count {
            if let match = floating.match(bytes, components, from: start) { return match }
            guard start == 0 || isLoose else { continue }
            if isAbsolute || isLoose,
                let match = anchored.match(bytes, components, from: start)
            {
                return match
            }
            if start == 0, !isAbsolute {
                var tails = Search(tails)
                if let match = tails.match(bytes, components, from: 0) { return match }
            }
        }
        return nil
    }

    /// Patterns on their way along one path; one that can match nowhere further on is left out, so
    /// that the work stays linear in the path.
    private struct Search {
        private var patterns: [DenyPath]

        init(_ patterns: [DenyPath]) { self.patterns = patterns }

        mutating func match(
            _ bytes: Span<UInt8>,
            _ components: Components,
            from start: Int
        ) -> DenyPath? {
            var index = 0
            while index < patterns.count {
                switch patterns[index].matches(bytes, components, from: start) {
                case .yes: return patterns[index]
                case .no: index += 1
                case .never: patterns.remove(at: index)
                }
            }
            return nil
        }
    }

    /// The text without `//`, `/./` and `name/..`, the ways to write a short path at length; nil when
    /// it is longer than a path all the same.
    private static func shortened(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let isAbsolute = text.first.map(isSlash) ?? false
        var result: [UInt8] = []
        /// Where each component that is kept begins, its slash included.
        var starts: [Int] = []
        var rest = text
        while !rest.isEmpty {
            let part = rest.prefix { !isSlash($0) }
            rest = rest[part.endIndex...].dropFirst()
            var folded = PathFolding()
            folded.append(part)
            let bytes = folded.bytes.span
            if trimmedEnd(bytes, 0, bytes.count) > 0 {
                starts.append(result.count)
                if isAbsolute || !result.isEmpty { result.append(UInt8(ascii: "/")) }
                result += folded.bytes
                guard result.count <= Components.pathByteCount else { return nil }
            } else if isParent(bytes, 0, bytes.count) {
                if let start = starts.popLast() {
                    result.removeSubrange(start...)
                } else if !isAbsolute {
                    result = Array("..".utf8)
                }
            }
        }
        return result
    }

    private static func isSlash(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":"), UInt8(ascii: "="),
            UInt8(ascii: "@"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: ";"),
            UInt8(ascii: "&"), UInt8(ascii: ","), UInt8(ascii: "!"):
            true
        default: false
        }
    }

    /// Without trailing dots and blanks, which Windows ignores; all dots leave nothing.
    private static func trimmedEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var end = end
        while end > start, bytes[end - 1] == UInt8(ascii: ".") || bytes[end - 1] <= 0x20 {
            end -= 1
        }
        return end
    }

    /// Of a component that is nothing but dots and blanks: two dots, or more where trailing dots are
    /// ignored.
    private static func isParent(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        end - start >= 2 && bytes[start] == UInt8(ascii: ".")
            && bytes[start + 1] == UInt8(ascii: ".")
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text.drop { $0 <= 0x20 && $0 != 0 }
        while let last = text.last, last <= 0x20, last != 0 { text = text.dropLast() }
        return text
    }

    /// The escapes of a call form: `\"`, `\\`, the short controls and `\u00xx`.
    private static func unescaped(_ raw: ArraySlice<UInt8>) -> [UInt8] {
        guard raw.contains(UInt8(ascii: "\\")) else { return Array(raw) }
        var result: [UInt8] = []
        var rest = raw
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "n"): result.append(0x0a)
            case UInt8(ascii: "r"): result.append(0x0d)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0c)
            case UInt8(ascii: "u"):
                let digits = rest.prefix(4).reduce(0) { $0 << 4 | Int(Hex.value(of: $1) ?? 0) }
                rest = rest.dropFirst(4)
                result.append(UInt8(truncatingIfNeeded: digits))
            default: result.append(kind)
            }
        }
        return result
    }
}
