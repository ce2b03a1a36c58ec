/// Decodes what stands between the quotes of a string the parser has accepted.
enum Unescape {
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte) - 0x30
        case 0x41...0x46: UInt32(byte) - 0x37
        case 0x61...0x66: UInt32(byte) - 0x57
        default: nil
        }
    }

    /// The decoded bytes, UTF-8.
    static func decode(_ source: some RandomAccessCollection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var iterator = source.makeIterator()
        while let byte = iterator.next() {
            guard byte == 0x5c else {
                result.append(byte)
                continue
            }
            switch iterator.next() {
            case 0x62: result.append(0x08)
            case 0x66: result.append(0x0c)
            case 0x6e: result.append(0x0a)
            case 0x72: result.append(0x0d)
            case 0x74: result.append(0x09)
            case 0x75:
                var scalar = unit(&iterator)
                if scalar & 0xfc00 == 0xd800 {
                    _ = iterator.next()
                    _ = iterator.next()
                    scalar = 0x10000 + (scalar & 0x3ff) << 10 + (unit(&iterator) & 0x3ff)
                }
                append(scalar, to: &result)
            case let literal?: result.append(literal)
            case nil: break
            }
        }
        return result
    }

    private static func unit(_ iterator: inout some IteratorProtocol<UInt8>) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 { value = value << 4 | (iterator.next().flatMap(hexValue) ?? 0) }
        return value
    }

    private static func append(_ scalar: UInt32, to result: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 {
            UInt8(truncatingIfNeeded: 0x80 | (scalar >> shift & 0x3f))
        }
        switch scalar {
        case ..<0x80: result.append(UInt8(truncatingIfNeeded: scalar))
        case ..<0x800:
            result.append(UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6))
            result.append(tail(0))
        case ..<0x10000:
            result.append(UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12))
            result.append(tail(6))
            result.append(tail(0))
        default:
            result.append(UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18))
            result.append(tail(12))
            result.append(tail(6))
            result.append(tail(0))
        }
    }
}
