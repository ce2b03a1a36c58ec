import Approval
import JSON

/// What changed between two definitions of a tool, as lines a terminal may show.
enum DefinitionDiff {
    /// Comparing is quadratic; longer definitions are shown whole, the old before the new.
    static let lineLimit = 1000
    /// Lines that stand for what did not change, around what did.
    private static let context = 2

    /// Lines that begin with `-`, `+` or two blanks, unchanged stretches cut to `…`.
    static func lines(from old: [UInt8], to new: [UInt8]) -> [String] {
        let (before, after) = (shown(old), shown(new))
        guard before != after else { return ["  the same but for blanks between its parts"] }
        guard before.count <= lineLimit, after.count <= lineLimit else {
            return before.map { "- " + $0 } + after.map { "+ " + $0 }
        }
        return shortened(merged(before, after))
    }

    /// One member a line, everything in it visible.
    private static func shown(_ source: [UInt8]) -> [String] {
        let document = try? JSONDocument(parsing: source, limits: .result)
        let found = ArgumentLines.unfolded(document?.root.value.serialised() ?? source)
        return found.lines + (found.warning.map { ["! " + $0] } ?? [])
    }

    /// The longest common subsequence, told as steps.
    private static func merged(_ before: [String], _ after: [String]) -> [String] {
        var table = [[Int]](
            repeating: [Int](repeating: 0, count: after.count + 1),
            count: before.count + 1
        )
        for row in before.indices.reversed() {
            for column in after.indices.reversed() {
                table[row][column] =
                    before[row] == after[column]
                    ? table[row + 1][column + 1] + 1
                    : max(table[row + 1][column], table[row][column + 1])
            }
        }
        var lines: [String] = []
        var (row, column) = (0, 0)
        while row < before.count || column < after.count {
            if row < before.count, column < after.count, before[row] == after[column] {
                lines.append("  " + before[row])
                (row, column) = (row + 1, column + 1)
            } else if row < before.count,
                column == after.count || table[row + 1][column] >= table[row][column + 1]
            {
                lines.append("- " + before[row])
                row += 1
            } else {
                lines.append("+ " + after[column])
                column += 1
            }
        }
        return lines
    }

    private static func shortened(_ lines: [String]) -> [String] {
        let changed = lines.indices.filter { !lines[$0].hasPrefix("  ") }
        var kept: [String] = []
        var last = -1
        var next = changed[...]
        for index in lines.indices {
            while let first = next.first, first + context < index { next = next.dropFirst() }
            guard let near = next.first, abs(near - index) <= context else { continue }
            if index > last + 1 { kept.append("  …") }
            kept.append(lines[index])
            last = index
        }
        if last < lines.count - 1 { kept.append("  …") }
        return kept
    }
}
