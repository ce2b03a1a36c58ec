/// A card in pieces that fit a screen: a yes counts once all of it was shown.
struct CardPages {
    private let lines: [String]
    private(set) var shownCount = 0

    init(_ lines: [String]) { self.lines = lines }

    var hiddenCount: Int { lines.count - shownCount }

    /// The lines that come next on a screen of that size, at least one.
    mutating func next(rows: Int, columns: Int) -> ArraySlice<String> {
        let first = shownCount
        // The line with the keys, and one of the page before.
        var room = rows - 2
        while shownCount < lines.count {
            room -= Self.height(of: lines[shownCount], columns)
            guard room >= 0 || shownCount == first else { break }
            shownCount += 1
        }
        return lines[first..<shownCount]
    }

    /// Rather one row too many: letters beyond ASCII may be two columns wide.
    private static func height(of line: String, _ columns: Int) -> Int {
        let width = line.unicodeScalars.reduce(0) { $0 + ($1.isASCII ? 1 : 2) }
        return max(1, (width + columns - 1) / columns)
    }
}
