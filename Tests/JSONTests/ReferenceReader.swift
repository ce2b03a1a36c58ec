/// A second reader, written for the tests alone.
///
/// One character at a time, by recursion, into a tree, with Swift's own UTF-8 validation: it shares
/// no code and no idea with the parser.
struct ReferenceReader {
    indirect enum Tree: Equatable {
        case word(String)
        case number([UInt8])
        case string([UInt8])
        case array([Tree])
        case object([(key: [UInt8], value: Tree)])

        static func == (left: Tree, right: Tree) -> Bool {
            switch (left, right) {
            case (.word(let left), .word(let right)): left == right
            case (.number(let left), .number(let right)): left == right
            case (.string(let left), .string(let right)): left == right
            case (.array(let left), .array(let right)): left == right
            case (.object(let left), .object(let right)):
                left.count == right.count
                    && zip(left, right).allSatisfy { $0.key == $1.key && $0.value == $1.value }
            default: false
            }
        }
    }

    private var rest: ArraySlice<UInt8>

    /// Nil when the text is not to be taken.
    static func read(_ bytes: [UInt8], depth: Int = 64) -> Tree? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = ReferenceReader(rest: bytes[...])
        guard let tree = reader.value(depth), reader.skipped() == nil else { return nil }
        return tree
    }

    private mutating func skipped() -> UInt8? {
        rest = rest.drop { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
        return rest.first
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func value(_ depth: Int) -> Tree? {
        switch skipped() {
        case UInt8(ascii: "{"): return depth > 0 ? object(depth - 1) : nil
        case UInt8(ascii: "["): return depth > 0 ? array(depth - 1) : nil
        case UInt8(ascii: "\""): return string().map { .string($0) }
        default: break
        }
        for word in ["true", "false", "null"] where rest.starts(with: word.utf8) {
            rest = rest.dropFirst(word.utf8.count)
            return .word(word)
        }
        return number()
    }

    private mutating func array(_ depth: Int) -> Tree? {
        rest = rest.dropFirst()
        if skipped() == UInt8(ascii: "]") {
            rest = rest.dropFirst()
            return .array([])
        }
        var elements: [Tree] = []
        while let element = value(depth) {
            elements.append(element)
            _ = skipped()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
        return nil
    }

    private mutating func object(_ depth: Int) -> Tree? {
        rest = rest.dropFirst()
        if skipped() == UInt8(ascii: "}") {
            rest = rest.dropFirst()
            return .object([])
        }
        var members: [(key: [UInt8], value: Tree)] = []
        while skipped() == UInt8(ascii: "\""), let key = string() {
            _ = skipped()
            guard take(UInt8(ascii: ":")), let value = value(depth) else { return nil }
            guard !members.contains(where: { $0.key == key }) else { return nil }
            members.append((key, value))
            _ = skipped()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
        return nil
    }

    private mutating func string() -> [UInt8]? {
        rest = rest.dropFirst()
        var units: [UInt16] = []
        var bytes: [UInt8] = []
        /// Escaped code units wait until something else follows, so that pairs meet.
        func flush() -> Bool {
            var codec = UTF16()
            var iterator = units.makeIterator()
            while true {
                switch codec.decode(&iterator) {
                case .scalarValue(let scalar): bytes += Array(String(Character(scalar)).utf8)
                case .emptyInput:
                    units = []
                    return true
                case .error: return false
                }
            }
        }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                guard let unit = escape() else { return nil }
                if let plain = unit.plain {
                    guard flush() else { return nil }
                    bytes.append(plain)
                } else {
                    units.append(unit.code)
                }
                continue
            }
            guard flush() else { return nil }
            if byte == UInt8(ascii: "\"") { return bytes }
            guard byte >= 0x20 else { return nil }
            bytes.append(byte)
        }
        return nil
    }

    private mutating func escape() -> (plain: UInt8?, code: UInt16)? {
        guard let letter = rest.popFirst() else { return nil }
        if letter == UInt8(ascii: "u") {
            let digits = rest.prefix(4)
            guard digits.count == 4, digits.allSatisfy({ $0 != 0x2b && $0 != 0x2d }),
                let code = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            rest = rest.dropFirst(4)
            return (nil, code)
        }
        let known: [Character: Character] = [
            "b": "\u{8}", "f": "\u{c}", "n": "\n", "r": "\r", "t": "\t", "\"": "\"", "\\": "\\",
            "/": "/",
        ]
        return known[Character(Unicode.Scalar(letter))]?.asciiValue.map { ($0, 0) }
    }

    private mutating func number() -> Tree? {
        let text = rest.prefix { "+-.eE0123456789".utf8.contains($0) }
        let string = String(decoding: text, as: UTF8.self)
        guard let match = string.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/)
        else { return nil }
        rest = rest.dropFirst(match.0.utf8.count)
        return .number(Array(text))
    }
}
