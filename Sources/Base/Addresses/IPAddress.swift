/// An IPv4 or IPv6 address.
///
/// Zone ids are refused: an address with one means nothing elsewhere.
package enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    package static let loopback = IPAddress.v4(0x7f00_0001)
    package static let loopback6 = IPAddress.v6(high: 0, low: 1)

    /// Reads one spelling only: four decimal parts without needless zeros, or RFC 4291 without
    /// brackets.
    ///
    /// Nil for every other, such as `127.1` or `0x7f.1`, which resolvers and browsers take for one.
    package init?(_ spelling: some StringProtocol) {
        let bytes = Array(spelling.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let address = IPv6Parser.parse(bytes[...]) else { return nil }
            self = address
            return
        }
        guard let bits = Self.dotted(bytes[...]) else { return nil }
        self = .v4(bits)
    }

    /// Four decimal parts without needless zeros.
    package static func dotted(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ $0 &- 0x30 < 10 }),
                part.count == 1 || part.first != 0x30,
                let value = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return bits
    }

    package var isVersion6: Bool {
        if case .v6 = self { true } else { false }
    }

    /// 127.0.0.0/8, `::1`, or the former written inside IPv6 (`::ffff:127.0.0.1`).
    package var isLoopback: Bool {
        switch unmapped {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// `0.0.0.0` or `::`, which a listener takes for every address of the machine.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let bits): bits == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// Of a socket that takes both versions, an IPv4 address in IPv6's clothes (RFC 4291 2.5.5.2).
    package var unmapped: IPAddress {
        guard case .v6(high: 0, let low) = self, low >> 32 == 0xffff else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }

    /// In network order.
    package var bytes: [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            stride(from: value.bitWidth - 8, through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: value >> $0)
            }
        }
        return switch self {
        case .v4(let bits): bytes(bits)
        case .v6(let high, let low): bytes(high) + bytes(low)
        }
    }

    /// The IPv4 address an IPv6 address stands for: mapped, compatible, or of the well-known prefix
    /// of translators (RFC 4291 2.5.5, RFC 6052 2.1).
    ///
    /// Not so in 64:ff9b:1::/48 (RFC 8215): where in it an IPv4 address stands is each network's own
    /// affair.
    package var embedded: IPAddress? {
        guard case .v6(let high, let low) = self else { return nil }
        let bits = IPAddress.v4(UInt32(truncatingIfNeeded: low))
        switch (high, low >> 32) {
        case (0, 0xffff): return bits
        // `::` and `::1` are addresses of their own.
        case (0, 0): return low > 1 ? bits : nil
        case (0x0064_ff9b_0000_0000, 0): return bits
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .v4(let bits):
            return [24, 16, 8, 0].map { String(bits >> UInt32($0) & 0xff) }.joined(separator: ".")
        case .v6(let high, let low):
            let words = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
            return Self.text(of: words)
        }
    }

    /// RFC 5952, as the URL standard writes it: the first longest run of zeros is left out.
    private static func text(of words: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < words.count {
            var end = start
            while end < words.count, words[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = max(end, start + 1)
        }
        func joined(_ range: Range<Int>) -> String {
            words[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !best.isEmpty else { return joined(0..<words.count) }
        return joined(0..<best.lowerBound) + "::" + joined(best.upperBound..<words.count)
    }
}
