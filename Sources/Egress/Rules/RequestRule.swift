private import Base

/// Which requests a place takes, where requests are seen: in plain http, and inside TLS that the
/// gateway ends.
package struct RequestRule: Hashable, Sendable, CustomStringConvertible {
    /// Empty: every one that is carried.
    package let methods: Set<String>
    /// Empty: every one.
    package let paths: [PathPattern]

    package init(methods: Set<String>, paths: [PathPattern]) {
        self.methods = methods
        self.paths = paths
    }

    /// Header fields, lower case, by which some servers take a request for another one than its line
    /// says: none of them goes where requests are limited.
    package static let misleadingFields: Set<String> = [
        "x-http-method", "x-http-method-override", "x-method-override", "x-original-url",
        "x-rewrite-url",
    ]

    /// For listings: `GET,POST /v1/**`.
    package var description: String {
        [methods.sorted().joined(separator: ","), paths.map(\.description).joined(separator: " ")]
            .filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// - Parameter target: of the request line, from the root, its query included.
    package func permits(method: String, target: ArraySlice<UInt8>) -> Bool {
        guard methods.isEmpty || methods.contains(method) else { return false }
        guard !paths.isEmpty else { return true }
        guard let segments = PathPattern.segments(of: target) else { return false }
        return paths.contains { $0.matches(segments) }
    }
}

/// A path a request may have: `/v1/items`, `/repos/*/issues` (one segment), `/v1/**` (that, and all
/// below).
package struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    private enum Part: Hashable, Sendable {
        case text([UInt8])
        case one
    }

    package let description: String
    private let parts: [Part]
    private let isOpen: Bool

    package static let partCountLimit = 32

    /// Nil for what is no path in its plainest spelling with `*` and a last `**` for whole segments.
    package init?(_ text: String) {
        var words = Array(text.utf8).split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        guard words.count > 1, words.removeFirst().isEmpty, words.count <= Self.partCountLimit
        else {
            return nil
        }
        isOpen = words.last?.elementsEqual("**".utf8) == true
        if isOpen { words.removeLast() }
        var parts: [Part] = []
        for (index, word) in words.enumerated() {
            if word.elementsEqual("*".utf8) {
                parts.append(.one)
                continue
            }
            // A last empty one is a path that ends in a slash.
            guard !word.isEmpty || (index == words.count - 1 && !isOpen), Self.isPlain(word),
                word.allSatisfy({ (0x21..<0x7f).contains($0) && !Self.special.contains($0) })
            else { return nil }
            parts.append(.text(Array(word)))
        }
        self.parts = parts
        description = text
    }

    func matches(_ segments: [[UInt8]]) -> Bool {
        guard isOpen ? segments.count >= parts.count : segments.count == parts.count else {
            return false
        }
        return zip(parts, segments).allSatisfy { part, segment in
            switch part {
            case .text(let text): text == segment
            case .one: !segment.isEmpty
            }
        }
    }

    /// The segments of a request's path with escapes taken out; nil where two readers could take it
    /// for two paths.
    ///
    /// Servers differ in what they make of `..`, of empty segments, of an escaped slash, of a second
    /// layer of escapes, of `;` and of `\`: none of it is matched, so none of it is let through.
    static func segments(of target: ArraySlice<UInt8>) -> [[UInt8]]? {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        guard path.first == UInt8(ascii: "/") else { return nil }
        let words = path.dropFirst().split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        var segments: [[UInt8]] = []
        for (index, word) in words.enumerated() {
            guard let segment = unescaped(word), isPlain(segment[...]),
                !segment.isEmpty || index == words.count - 1
            else { return nil }
            segments.append(segment)
        }
        return segments
    }

    private static func isPlain(_ segment: ArraySlice<UInt8>) -> Bool {
        !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
    }

    private static let special = Set("%?#*;\\".utf8)

    private static func unescaped(_ word: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            var value = byte
            if byte == UInt8(ascii: "%") {
                guard let digits = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)),
                    digits.count == 1
                else { return nil }
                value = digits[0]
                rest = rest.dropFirst(2)
            }
            guard value > 0x20, value != 0x7f,
                ![UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: ";")]
                    .contains(value)
            else { return nil }
            result.append(value)
        }
        return result
    }
}
