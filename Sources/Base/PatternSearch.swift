/// Where an expression matched, in byte offsets of the text it was given.
package struct PatternSpan: Hashable, Sendable {
    package let whole: Range<Int>
    /// The first capturing group that took part; nil when none did.
    package let group: Range<Int>?

    package init(whole: Range<Int>, group: Range<Int>?) {
        self.whole = whole
        self.group = group
    }
}

/// Many literals, looked for in one pass, ASCII letters of either case being the same.
package protocol LiteralSet: Sendable {
    /// Appends the index of every literal that occurs within `range`, each once, in no order.
    ///
    /// Throws when the engine's memory was used up; then nothing is known about the text.
    func appendOccurring(
        in text: [UInt8],
        range: Range<Int>,
        to found: inout [Int]
    ) throws(PatternFailure)
}

/// An expression over bytes that says where it matches.
package protocol PatternFinder: Sendable {
    /// The leftmost match that lies within `range`; the bytes outside still count for `\b` and `^`.
    func firstMatch(in text: [UInt8], range: Range<Int>) throws(PatternFailure) -> PatternSpan?
}

/// What makes literal sets and finders; `Patterns` conforms with RE2.
package protocol PatternSearchEngine: Sendable {
    func literalSet(_ literals: [[UInt8]]) throws(PatternFailure) -> any LiteralSet
    /// Compiles RE2 syntax over bytes (Latin-1), so that text need not be UTF-8.
    func finder(_ pattern: String) throws(PatternFailure) -> any PatternFinder
}
