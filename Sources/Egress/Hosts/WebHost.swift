package import Base

/// A host as the URL standard of WHATWG reads it for `http` and `https` (section 3.5).
///
/// Clients differ in what they make of an odd spelling; this is what the fetching ones make of it,
/// so that the guard decides on the place they would go to. Text that is not ASCII is refused: a
/// client puts names in A-labels before it asks a proxy, and a table of mappings would only help
/// who writes them otherwise.
package enum WebHost: Hashable, Sendable, CustomStringConvertible {
    /// Lower case, as written otherwise; not yet known to be a name DNS could hold.
    case name(String)
    case address(IPAddress)

    package enum Problem: Error, Hashable, Sendable {
        case empty
        case notASCII
        /// A byte no host may hold, or brackets that hold no address.
        case forbidden
        /// It ends in a number, so it is an address, and none there is.
        case badAddress
    }

    package init(parsing text: ArraySlice<UInt8>) throws(Problem) {
        if text.first == UInt8(ascii: "[") {
            guard text.count > 2, text.last == UInt8(ascii: "]"),
                let address = IPv6Parser.parse(text.dropFirst().dropLast())
            else { throw .forbidden }
            self = .address(address)
            return
        }
        let decoded = Self.percentDecoded(text)
        guard decoded.allSatisfy({ $0 < 0x80 }) else { throw .notASCII }
        let name = decoded.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        guard !name.isEmpty else { throw .empty }
        guard !name.contains(where: Self.isForbidden) else { throw .forbidden }
        if Self.endsInNumber(name) {
            guard let bits = Self.address4(name) else { throw .badAddress }
            self = .address(.v4(bits))
        } else {
            self = .name(String(decoding: name, as: UTF8.self))
        }
    }

    /// As it stands in a URL.
    package var description: String {
        switch self {
        case .name(let name): name
        case .address(let address): address.isVersion6 ? "[\(address)]" : "\(address)"
        }
    }

    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            result.append(byte == UInt8(ascii: "%") ? rest.popEscaped() ?? byte : byte)
        }
        return result
    }

    /// A forbidden domain code point: controls, the space and `"#%/:<>?@[\]^|`.
    private static func isForbidden(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7f: true
        case UInt8(ascii: "#"), UInt8(ascii: "%"), UInt8(ascii: "/"), UInt8(ascii: ":"),
            UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "?"), UInt8(ascii: "@"),
            UInt8(ascii: "["), UInt8(ascii: "\\"), UInt8(ascii: "]"), UInt8(ascii: "^"),
            UInt8(ascii: "|"):
            true
        default: false
        }
    }

    // MARK: Numbers

    private static func labels(_ name: [UInt8]) -> [ArraySlice<UInt8>] {
        var labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        return labels
    }

    private static func endsInNumber(_ name: [UInt8]) -> Bool {
        guard let last = labels(name).last, !last.isEmpty else { return false }
        return last.allSatisfy { $0 &- 0x30 < 10 } || number(last) != nil
    }

    /// Decimal, `0x` hexadecimal or `0` octal; nil for what is none, or more than 64 bits hold.
    private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
        var digits = text
        var radix = 10
        if digits.count >= 2, digits.starts(with: "0x".utf8) {
            digits = digits.dropFirst(2)
            radix = 16
        } else if digits.count >= 2, digits.first == 0x30 {
            digits = digits.dropFirst()
            radix = 8
        }
        guard !text.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x57
            default: return nil
            }
            guard digit < radix else { return nil }
            // Beyond what an address holds it only has to stay beyond.
            value = min(value &* UInt64(radix) &+ UInt64(digit), 1 << 40)
        }
        return value
    }

    private static func address4(_ name: [UInt8]) -> UInt32? {
        let parts = labels(name)
        guard parts.count <= 4 else { return nil }
        var numbers: [UInt64] = []
        for part in parts {
            guard let value = number(part) else { return nil }
            numbers.append(value)
        }
        guard let last = numbers.popLast(), numbers.allSatisfy({ $0 <= 255 }),
            last < 1 << UInt64(8 * (4 - numbers.count))
        else { return nil }
        var bits = last
        for (index, value) in numbers.enumerated() { bits |= value << UInt64(24 - 8 * index) }
        return UInt32(truncatingIfNeeded: bits)
    }
}
