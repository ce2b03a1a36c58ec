/// Finds many literals at once and says where: Wu and Manber's search with blocks of two bytes.
///
/// Exact bytes, so that a secret's case counts. It skips most of the text: about as far as the
/// shortest literal is long.
struct LiteralScanner: Sendable {
    struct Hit: Equatable {
        let range: Range<Int>
        let literal: Int
    }

    private let literals: [[UInt8]]
    /// The length all literals have at least, capped so that a shift fits a byte.
    private let window: Int
    private var shifts: [UInt8]
    private var buckets: [Int: [Int]] = [:]

    var isEmpty: Bool { literals.isEmpty }
    let longest: Int

    init(_ literals: [[UInt8]]) {
        self.literals = literals
        longest = literals.lazy.map(\.count).max() ?? 0
        let window = min(literals.lazy.map(\.count).min() ?? 0, 64)
        self.window = window
        shifts = [UInt8](repeating: UInt8(max(1, window - 1)), count: 1 << 12)
        guard window >= 2 else { return }
        for (index, literal) in literals.enumerated() {
            for end in 1..<window {
                let block = Self.hash(literal[end - 1], literal[end])
                shifts[block] = min(shifts[block], UInt8(window - 1 - end))
            }
            buckets[Self.hash(literal[window - 2], literal[window - 1]), default: []].append(index)
        }
    }

    @inline(__always)
    private static func hash(_ first: UInt8, _ second: UInt8) -> Int {
        (Int(first) << 4 ^ Int(second)) & 0xfff
    }

    /// Appends every occurrence that lies within `range`.
    func appendHits(in text: Span<UInt8>, range: Range<Int>, to hits: inout [Hit]) {
        guard window >= 2 else { return }
        let shifts = shifts.span
        var last = range.lowerBound + window - 1
        while last < range.upperBound {
            let block = Self.hash(text[last - 1], text[last])
            let shift = Int(shifts[block])
            if shift > 0 {
                last += shift
                continue
            }
            let start = last - window + 1
            for literal in buckets[block] ?? [] {
                let bytes = literals[literal]
                let end = start + bytes.count
                if end <= range.upperBound, Self.equal(bytes, text, at: start) {
                    hits.append(Hit(range: start..<end, literal: literal))
                }
            }
            last += 1
        }
    }

    private static func equal(_ literal: [UInt8], _ text: Span<UInt8>, at start: Int) -> Bool {
        for index in literal.indices where literal[index] != text[start + index] { return false }
        return true
    }
}
