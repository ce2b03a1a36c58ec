package import Base

/// What a server holds in the place of a secret: of the same shape, good for nothing.
///
/// It is also a canary: nobody but that server's environment ever held it, so where it turns up in
/// another place, somebody is carrying credentials away.
package struct SecretPlaceholder: Hashable, Sendable {
    package let bytes: [UInt8]

    /// Fewer random letters could be guessed, or met by chance: 22 of 62 are 130 bits.
    private static let leastRandomCount = 22

    /// A letter for each letter, a digit for each digit, everything else as it is.
    ///
    /// A prefix that programs look for (`ghp_`, `sk-ant-`, `xoxb-`) stays. Short values grow.
    package init(like value: [UInt8], random: any RandomSource) {
        let keep = Self.prefixCount(of: value)
        var result = Array(value.prefix(keep))
        var source = Letters(random: random)
        var count = 0
        for byte in value.dropFirst(keep) {
            switch byte {
            case 0x30...0x39: result.append(0x30 + source.next(below: 10))
            case 0x41...0x5a: result.append(0x41 + source.next(below: 26))
            case 0x61...0x7a: result.append(0x61 + source.next(below: 26))
            default:
                result.append(byte)
                continue
            }
            count += 1
        }
        while count < Self.leastRandomCount {
            result.append(0x61 + source.next(below: 26))
            count += 1
        }
        bytes = result
    }

    /// Up to the last `_` or `-` of the first twelve bytes, when only letters and digits and those
    /// come before and enough comes after.
    private static func prefixCount(of value: [UInt8]) -> Int {
        let head = value.prefix(12).prefix { byte in
            byte == 0x5f || byte == 0x2d || (0x30...0x39).contains(byte)
                || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        }
        guard let last = head.lastIndex(where: { $0 == 0x5f || $0 == 0x2d }),
            value.count - last - 1 >= 8
        else { return 0 }
        return last + 1
    }

    /// Numbers below a bound without bias, from bytes fetched in blocks.
    private struct Letters {
        let random: any RandomSource
        var block: [UInt8] = []

        mutating func next(below bound: UInt8) -> UInt8 {
            let ceiling = 256 / Int(bound) * Int(bound)
            while true {
                if block.isEmpty { block = random.bytes(count: 64) }
                guard let byte = block.popLast() else { return 0 }
                if Int(byte) < ceiling { return byte % bound }
            }
        }
    }
}
