/// Finds the known word somebody most likely meant.
package enum Spelling {
    /// The word of `known` nearest to `text`; nil when none is near enough to be meant.
    ///
    /// Near is at most one slip in words of up to four letters, two in longer ones; letter case,
    /// `-` and `_` count as no slip. Words longer than 64 bytes are not compared.
    package static func nearest(to text: String, in known: some Sequence<String>) -> String? {
        let wanted = folded(text)
        guard (1...64).contains(wanted.count) else { return nil }
        var best: (word: String, slips: Int)?
        for word in known {
            let candidate = folded(word)
            guard candidate.count <= 64 else { continue }
            let slips = distance(wanted, candidate)
            let allowed = min(wanted.count, candidate.count) <= 4 ? 1 : 2
            guard slips <= allowed else { continue }
            if let best, (best.slips, best.word) < (slips, word) { continue }
            best = (word, slips)
        }
        return best?.word
    }

    /// `; did you mean `word`?`, or nothing.
    package static func suggestion(for text: String, in known: some Sequence<String>) -> String {
        nearest(to: text, in: known).map { "; did you mean `\(printable($0))`?" } ?? ""
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { byte in
            switch byte {
            case 0x41...0x5a: byte | 0x20
            case 0x2d: 0x5f
            default: byte
            }
        }
    }

    /// Slips between two words: letters left out, added, replaced, or two swapped.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var next = [row + 1]
            for (column, other) in right.enumerated() {
                var slips = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1)
                slips = min(slips, next[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    slips = min(slips, before[column - 1] + 1)
                }
                next.append(slips)
            }
            before = last
            last = next
        }
        return last[right.count]
    }
}
