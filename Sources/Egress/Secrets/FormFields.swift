private import Base

/// `name=value&name=value`, as the URL standard of WHATWG writes it (section 5), with the place of each
/// value.
struct FormFields {
    struct Field {
        let name: [UInt8]
        let value: [UInt8]
        /// Of the value as it is written.
        let range: Range<Int>
    }

    /// Those that can be read: what has no `=`, or an escape that is none, is left out.
    private(set) var fields: [Field] = []

    /// Nil for more fields than anybody writes.
    init?(_ text: ArraySlice<UInt8>) {
        let limit = Limits.secretFieldCount
        let pieces = text.split(separator: UInt8(ascii: "&"), maxSplits: limit)
        guard pieces.count <= limit else { return nil }
        for piece in pieces {
            guard let equals = piece.firstIndex(of: UInt8(ascii: "=")),
                let name = Self.decoded(piece[..<equals]),
                let value = Self.decoded(piece[(equals + 1)...])
            else { continue }
            fields.append(Field(name: name, value: value, range: equals + 1..<piece.endIndex))
        }
    }

    /// Nil where the name stands twice: readers differ in which of them counts.
    func only(_ name: String) -> Field? {
        let named = fields.filter { $0.name.elementsEqual(name.utf8) }
        return named.count == 1 ? named[0] : nil
    }

    /// Nil for an escape that is none: readers differ in what they make of it.
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): result.append(0x20)
            case UInt8(ascii: "%"):
                guard let value = rest.popEscaped() else { return nil }
                result.append(value)
            default: result.append(byte)
            }
        }
        return result
    }

    /// A blank as `%20`, which readers of addresses and of forms both take for one.
    static func encoded(_ value: [UInt8]) -> [UInt8] {
        value.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                [byte]
            default: [UInt8(ascii: "%")] + Array(Hex.encode([byte]).uppercased().utf8)
            }
        }
    }
}
