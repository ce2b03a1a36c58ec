/// A name with `*` (any run of bytes) and `?` (one character), compared as bytes.
///
/// The work of a match is at most the product of both lengths.
struct ByteGlob: Hashable, Sendable {
    private enum Token: Hashable, Sendable {
        case byte(UInt8)
        case one
        case run
    }

    private let tokens: [Token]
    let text: [UInt8]

    init(_ text: some Sequence<UInt8>) {
        self.text = Array(text)
        var tokens: [Token] = []
        for byte in self.text {
            switch byte {
            case UInt8(ascii: "*"): if tokens.last != .run { tokens.append(.run) }
            case UInt8(ascii: "?"): tokens.append(.one)
            default: tokens.append(.byte(byte))
            }
        }
        self.tokens = tokens
        isExact = !tokens.contains { token in
            if case .byte = token { return false }
            return true
        }
    }

    /// Whether it names exactly one text.
    let isExact: Bool

    /// Whether it matches every text.
    var isEverything: Bool { tokens == [.run] }

    /// The first byte a match must have; nil when any will do.
    var firstByte: UInt8? {
        guard case .byte(let byte)? = tokens.first else { return nil }
        return byte
    }

    /// The second byte a match must have; nil when any will do, or none.
    var secondByte: UInt8? {
        guard firstByte != nil, tokens.count > 1, case .byte(let byte) = tokens[1] else {
            return nil
        }
        return byte
    }

    func matches(_ value: [UInt8]) -> Bool { matches(value.span, from: 0, to: value.count) }

    /// Whether the bytes from `start` up to `end` match as a whole.
    func matches(_ value: Span<UInt8>, from start: Int, to end: Int) -> Bool {
        var place = start
        var token = 0
        var retryToken = -1
        var retryPlace = start
        while true {
            if token == tokens.count {
                if place == end { return true }
            } else {
                switch tokens[token] {
                case .run:
                    retryToken = token
                    retryPlace = place
                    token += 1
                    continue
                case .one where place < end:
                    place = Self.afterCharacter(value, at: place, to: end)
                    token += 1
                    continue
                case .byte(let byte) where place < end && value[place] == byte:
                    place += 1
                    token += 1
                    continue
                case .one, .byte: break
                }
            }
            // What follows the last run did not fit here: let the run take one byte more.
            guard retryToken >= 0, retryPlace < end else { return false }
            retryPlace += 1
            place = retryPlace
            token = retryToken + 1
        }
    }

    /// One character is one UTF-8 sequence.
    private static func afterCharacter(_ value: Span<UInt8>, at place: Int, to end: Int) -> Int {
        var next = place + 1
        while next < end, value[next] & 0xc0 == 0x80 { next += 1 }
        return next
    }
}

extension ByteGlob {
    /// Takes every byte as itself, `*` and `?` too.
    init(literal: [UInt8]) {
        text = literal
        tokens = literal.map { .byte($0) }
        isExact = true
    }
}
