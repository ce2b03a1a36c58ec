/// What changes between two texts, line by line (Myers, An O(ND) Difference Algorithm, 1986).
package struct LineDiff {
    package enum Step: Equatable {
        case same(String)
        case removed(String)
        case added(String)
    }

    /// What is shown of it: changes with a little around them.
    package enum Piece: Equatable {
        case step(Step)
        /// So many unchanged lines that are left out.
        case unchanged(Int)
    }

    /// More differences than this are not looked for: the whole middle counts as replaced.
    static let distance = 400
    /// Unchanged lines shown around a change.
    static let context = 2
    /// More lines than this are only counted.
    static let shownCount = 400

    let steps: [Step]

    init(from old: String, to new: String) {
        self.init(from: Self.lines(old), to: Self.lines(new))
    }

    package init(from left: [String], to right: [String]) {
        var head = 0
        while head < min(left.count, right.count), Self.same(left[head], right[head]) { head += 1 }
        var tail = 0
        while tail < min(left.count, right.count) - head,
            Self.same(left[left.count - 1 - tail], right[right.count - 1 - tail])
        { tail += 1 }
        let middle = Self.middle(
            Array(left[head..<(left.count - tail)]),
            Array(right[head..<(right.count - tail)])
        )
        steps =
            left[..<head].map { .same($0) } + middle
            + left[(left.count - tail)...].map { .same($0) }
    }

    var isSame: Bool { steps.allSatisfy { if case .same = $0 { true } else { false } } }

    private static func same(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }

    private static func lines(_ text: String) -> [String] {
        text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map { String($0) ?? "" }
    }

    private static func middle(_ left: [String], _ right: [String]) -> [Step] {
        let replaced: [Step] = left.map { .removed($0) } + right.map { .added($0) }
        guard !left.isEmpty, !right.isEmpty, left.count + right.count <= 20_000 else {
            return replaced
        }
        // `reach[d]`: how far each diagonal came with `d` differences.
        var reach: [[Int: Int]] = []
        var furthest: [Int: Int] = [1: 0]
        for count in 0...distance {
            reach.append(furthest)
            for diagonal in stride(from: -count, through: count, by: 2) {
                let isDown =
                    diagonal == -count
                    || diagonal != count
                        && furthest[diagonal - 1, default: -1] < furthest[diagonal + 1, default: -1]
                var x =
                    isDown
                    ? furthest[diagonal + 1, default: 0] : furthest[diagonal - 1, default: 0] + 1
                var y = x - diagonal
                while x < left.count, y >= 0, y < right.count, same(left[x], right[y]) {
                    x += 1
                    y += 1
                }
                furthest[diagonal] = x
                if x >= left.count, y >= right.count {
                    return path(left, right, reach)
                }
            }
        }
        return replaced
    }

    private static func path(
        _ left: [String],
        _ right: [String],
        _ reach: [[Int: Int]]
    ) -> [Step] {
        var steps: [Step] = []
        var x = left.count
        var y = right.count
        for count in stride(from: reach.count - 1, through: 0, by: -1) {
            let furthest = reach[count]
            let diagonal = x - y
            let isDown =
                diagonal == -count
                || diagonal != count
                    && furthest[diagonal - 1, default: -1] < furthest[diagonal + 1, default: -1]
            let before = isDown ? diagonal + 1 : diagonal - 1
            let startX = count == 0 ? 0 : furthest[before, default: 0]
            let startY = count == 0 ? 0 : startX - before
            while x > startX, y > startY, same(left[x - 1], right[y - 1]) {
                steps.append(.same(left[x - 1]))
                x -= 1
                y -= 1
            }
            guard count > 0 else { break }
            if isDown {
                steps.append(.added(right[y - 1]))
                y -= 1
            } else {
                steps.append(.removed(left[x - 1]))
                x -= 1
            }
        }
        return steps.reversed()
    }

    package var pieces: [Piece] {
        var isShown = [Bool](repeating: false, count: steps.count)
        for (index, step) in steps.enumerated() {
            if case .same = step { continue }
            for near in max(0, index - Self.context)...min(steps.count - 1, index + Self.context) {
                isShown[near] = true
            }
        }
        var pieces: [Piece] = []
        var hidden = 0
        for (index, step) in steps.enumerated() {
            guard isShown[index] else {
                hidden += 1
                continue
            }
            if hidden > 0 { pieces.append(.unchanged(hidden)) }
            hidden = 0
            pieces.append(.step(step))
        }
        if hidden > 0 { pieces.append(.unchanged(hidden)) }
        return pieces
    }

    /// The pieces as a card shows them; what is left out is counted.
    var lines: [Card.Line] {
        var lines: [Card.Line] = []
        var told = 0
        for piece in pieces {
            guard lines.count < Self.shownCount else {
                lines.append(.init(.folded, "\(steps.count - told) lines more: see the arguments"))
                return lines
            }
            switch piece {
            case .unchanged(let count):
                lines.append(.init(.folded, "\(count) unchanged lines"))
                told += count
                continue
            case .step(.same(let text)): lines.append(.init(.plain, Visible.spell(text)))
            case .step(.removed(let text)): lines.append(.init(.removed, Visible.spell(text)))
            case .step(.added(let text)): lines.append(.init(.added, Visible.spell(text)))
            }
            told += 1
        }
        return lines
    }
}
