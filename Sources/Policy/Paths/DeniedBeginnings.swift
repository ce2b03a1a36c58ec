/// With which bytes a denied component can begin, to be looked for in many bytes at once.
struct DeniedBeginnings: Sendable {
    /// So many bytes are looked at together.
    static let blockByteCount = 32

    private typealias Block = SIMD4<UInt64>

    /// Two bytes a component begins with, each eight times over.
    private struct Pair: Sendable {
        let first: UInt64
        let second: UInt64
    }

    /// One bit for each pair of bytes a component can begin with, or whose first is of an escape or
    /// beyond ASCII.
    private let bits: [UInt64]
    /// The same by fewer and larger steps: first bytes with many second ones, and single pairs.
    ///
    /// Of letters either case, of some other bytes another one too.
    private let firsts: [UInt64]
    private let pairs: [Pair]
    /// Whether there are so few of them that a look at a block pays.
    private let isShort: Bool

    /// - Parameter beginnings: the first two bytes of each in lower case; nil is any byte.
    init(_ beginnings: [(first: UInt8?, second: UInt8?)]) {
        var bits = [UInt64](repeating: 0, count: 1024)
        var seconds: [UInt8: Set<UInt8?>] = [:]
        for beginning in beginnings {
            for high in Self.spellings(beginning.first) {
                seconds[high | 0x20, default: []].insert(beginning.second.map { $0 | 0x20 })
                for low in Self.spellings(beginning.second) {
                    let pair = Int(high) << 8 | Int(low)
                    bits[pair >> 6] |= 1 << UInt64(pair & 63)
                }
            }
        }
        for high in [UInt8(ascii: "\\"), UInt8(ascii: "%")] + (0x80...0xff) {
            for word in 0..<4 { bits[Int(high) << 2 | word] = .max }
        }
        self.bits = bits
        var firsts: [UInt64] = []
        var pairs: [Pair] = []
        for (first, seconds) in seconds {
            let known = seconds.compactMap(\.self)
            if known.count < seconds.count || known.count > 2 {
                firsts.append(Self.eight(first))
            } else {
                pairs += known.map { Pair(first: Self.eight(first), second: Self.eight($0)) }
            }
        }
        self.firsts = firsts
        self.pairs = pairs
        isShort = firsts.count + 2 * pairs.count <= 12
    }

    private static func spellings(_ byte: UInt8?) -> [UInt8] {
        guard let byte else { return Array(0...255) }
        return byte &- 0x61 < 26 ? [byte, byte - 0x20] : [byte]
    }

    private static func eight(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Whether a component can begin with the two bytes that stand there, or something is escaped or
    /// beyond ASCII.
    func mayBegin(_ bytes: Span<UInt8>, at index: Int) -> Bool {
        // Behind the last byte nothing stands that a component could begin with.
        let pair = Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
        return bits[pair >> 6] &>> UInt64(pair & 63) & 1 == 1
    }

    /// Whether a component surely begins nowhere in the block of bytes from `index` on, and nothing in
    /// it is escaped or beyond ASCII; no says nothing.
    func misses(_ bytes: Span<UInt8>, blockAt index: Int) -> Bool {
        guard isShort, index + Self.blockByteCount < bytes.count else { return false }
        let raw = unsafe bytes.bytes
        let these = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: Block.self)
        let next = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index + 1, as: Block.self)
        let lower = Block(repeating: Self.eight(0x20))
        let (first, second) = (these | lower, next | lower)
        var found = these | Self.zeros(these ^ Block(repeating: Self.eight(UInt8(ascii: "\\"))))
        found |= Self.zeros(these ^ Block(repeating: Self.eight(UInt8(ascii: "%"))))
        for byte in firsts { found |= Self.zeros(first ^ Block(repeating: byte)) }
        for pair in pairs {
            found |= Self.zeros(
                (first ^ Block(repeating: pair.first)) | (second ^ Block(repeating: pair.second))
            )
        }
        return (found[0] | found[1] | found[2] | found[3]) & Self.eight(0x80) == 0
    }

    /// The high bit of some byte of each word that has a byte of 0, and of none that has not.
    @inline(__always)
    private static func zeros(_ block: Block) -> Block {
        (block &- Block(repeating: eight(1))) & ~block
    }
}
