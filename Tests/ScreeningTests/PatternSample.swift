import TestKit

/// Writes a text that a regular expression matches: enough of RE2's syntax for rule files.
struct PatternSample {
    private var scalars: [Character]
    private var position = 0
    private var random: Seeded
    /// Draws the same letter of a class each time, where it is there.
    private let constant: Seeded?
    /// Where capturing groups begin; the number of the one that holds the secret, from 1 on, what
    /// it became, and what it is to become.
    private var groupStarts: [Int] = []
    private let groupNumber: Int
    private var group: String?
    private let replacement: String?

    static func text(of pattern: String, seed: UInt64) -> String {
        var sample = PatternSample(pattern, seed: seed)
        return sample.alternatives()
    }

    /// A text whose classes of letters give one letter each, and what the group became of it.
    static func monotonous(
        of pattern: String,
        group: Int,
        seed: UInt64
    ) -> (text: String, secret: String) {
        var sample = PatternSample(pattern, seed: seed, group: group, isMonotonous: true)
        let text = sample.alternatives()
        return (text, sample.group.flatMap { text.contains($0) ? $0 : nil } ?? text)
    }

    /// A text with `secret` in the place of the group; nil where the group is not in it.
    static func text(
        of pattern: String,
        holding secret: String,
        group: Int,
        seed: UInt64
    ) -> String? {
        var sample = PatternSample(pattern, seed: seed, group: group, replacement: secret)
        let text = sample.alternatives()
        return sample.group != nil && text.contains(secret) ? text : nil
    }

    private init(
        _ pattern: String,
        seed: UInt64,
        group: Int = 1,
        isMonotonous: Bool = false,
        replacement: String? = nil
    ) {
        scalars = Array(pattern)
        random = Seeded(seed)
        constant = isMonotonous ? random : nil
        groupNumber = group
        self.replacement = replacement
    }

    private mutating func pick(_ members: [Character]) -> String {
        if var constant {
            return members.randomElement(using: &constant).map(String.init) ?? ""
        }
        return members.randomElement(using: &random).map(String.init) ?? ""
    }

    private var peek: Character? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ text: String) -> Bool {
        guard scalars[position...].starts(with: text) else { return false }
        position += text.count
        return true
    }

    private mutating func alternatives() -> String {
        var all = [sequence()]
        while take("|") { all.append(sequence()) }
        return all.randomElement(using: &random) ?? ""
    }

    private mutating func sequence() -> String {
        var result = ""
        while let next = peek, next != "|", next != ")" {
            let start = position
            let first = atom()
            let end = position
            guard let (least, most) = quantifier() else {
                result += first
                continue
            }
            let after = position
            for _ in 0..<Int.random(in: least...min(most, least + 2), using: &random) {
                position = start
                result += atom()
            }
            position = max(after, end)
        }
        return result
    }

    private mutating func quantifier() -> (Int, Int)? {
        var bounds: (Int, Int)?
        if take("*") { bounds = (0, 2) } else if take("+") { bounds = (1, 3) }
        if bounds == nil, take("?") { bounds = (0, 1) }
        if bounds == nil, peek == "{", scalars.dropFirst(position + 1).first?.isNumber == true {
            let text = scalars[position...].prefix { $0 != "}" }.dropFirst()
            position += text.count + 2
            let parts = String(text).split(separator: ",", omittingEmptySubsequences: false)
            let least = Int(parts[0]) ?? 0
            bounds = (least, parts.count == 1 ? least : Int(parts[1]) ?? least + 2)
        }
        guard let bounds else { return nil }
        return take("?") ? (bounds.0, bounds.0) : bounds
    }

    private mutating func atom() -> String {
        let start = position
        if take("(") {
            // A repeated group is read again where it began.
            if peek != "?", !groupStarts.contains(start) { groupStarts.append(start) }
            if take("?") {
                while let next = peek, next != ":", next != ")", next != ">" { position += 1 }
                if take(")") { return "" }
                position += 1
            }
            var text = alternatives()
            _ = take(")")
            if groupStarts.firstIndex(of: start) == groupNumber - 1 {
                text = replacement ?? text
                group = text
            }
            return text
        }
        if take("[") { return member() }
        if take("\\") { return pick(escape()) }
        guard let next = peek else { return "" }
        position += 1
        return next == "." ? "a" : next == "^" || next == "$" ? "" : String(next)
    }

    private mutating func escape() -> [Character] {
        guard let next = peek else { return [] }
        position += 1
        switch next {
        case "b", "z", "A": return []
        case "d": return Array("0123456789")
        case "w": return Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789")
        case "s", "n", "r", "t": return [" "]
        case "S": return Array("abcdefXYZ0123")
        case "x":
            let digits = String(scalars[position...].prefix(2))
            position += digits.count
            return UInt8(digits, radix: 16).map { [Character(UnicodeScalar($0))] } ?? []
        default: return [next]
        }
    }

    private mutating func member() -> String {
        let isNegated = take("^")
        var members: [Character] = []
        while let next = peek, next != "]" {
            position += 1
            if next == "[", take(":") {
                let name = String(scalars[position...].prefix { $0 != ":" })
                position += name.count + 2
                members += Array(name == "alnum" ? "abcXYZ0189" : "abc")
                continue
            }
            let items = next == "\\" ? escape() : [next]
            guard items.count == 1, peek == "-", position + 1 < scalars.count,
                scalars[position + 1] != "]", let low = items.first?.asciiValue
            else {
                members += items
                continue
            }
            position += 1
            let high = peek?.asciiValue ?? low
            position += 1
            members += (low...max(low, high)).map { Character(UnicodeScalar($0)) }
        }
        position += 1
        if isNegated {
            members = (0x21..<0x7f).map { Character(UnicodeScalar(UInt8($0))) }
                .filter { !members.contains($0) }
        }
        return pick(members)
    }
}
