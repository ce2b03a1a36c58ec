package import Base

/// A question to a resolver (RFC 1035 section 4), as far as a cage may ask one.
///
/// Read strictly: one question, no record but EDNS's, nothing behind it and no compressed name, which
/// no question needs. What is left over would be a way to carry bytes past the decision.
package struct NameQuery: Hashable, Sendable {
    /// Lower case, without the last dot; empty for the root.
    package let name: String
    package let type: UInt16
    /// Echoed, in the asker's own spelling: some hold the answer against it (DNS 0x20).
    private let question: [UInt8]
    private let identifier: UInt16
    private let flags: UInt16
    private let hasOptions: Bool

    package enum Problem: Error, Hashable, Sendable {
        /// Too short to be answered, or an answer itself.
        case notAQuery
        /// To be told so.
        case malformed(identifier: UInt16)
        /// An update, a zone transfer's notice, …
        case otherOperation(identifier: UInt16)
    }

    package enum Answer: Hashable, Sendable {
        /// Those of the version that was asked for are said, at most `addressCountLimit`.
        ///
        /// `lifetime`: how long they may be kept, in seconds.
        case addresses([IPAddress], lifetime: UInt8 = NameQuery.lifetime)
        /// The name is there, and has nothing of that type.
        case nothing
        case noSuchName
        /// Nobody could say.
        case failed
        case refused
    }

    package static let addressType: UInt16 = 1
    package static let address6Type: UInt16 = 28
    package static let addressCountLimit = 7
    /// A name of 255 bytes, its header and EDNS's record take 300; an address takes 28 at most.
    package static let byteCountLimit = 512
    private static let optionsType = 41
    /// How long an answer may be kept at most, in seconds.
    package static let lifetime: UInt8 = 60

    package init(_ bytes: [UInt8]) throws(Problem) {
        var cursor = Cursor(bytes[...])
        guard let identifier = cursor.number(2), let flags = cursor.number(2),
            let counts = cursor.take(8), flags & 0x8000 == 0
        else { throw .notAQuery }
        self.identifier = UInt16(truncatingIfNeeded: identifier)
        self.flags = UInt16(truncatingIfNeeded: flags)
        let malformed = Problem.malformed(identifier: self.identifier)
        guard bytes.count <= Self.byteCountLimit else { throw malformed }
        guard flags & 0x7800 == 0 else { throw .otherOperation(identifier: self.identifier) }
        // One question, no answer, no authority, perhaps EDNS; not cut off.
        guard counts.dropLast(1).elementsEqual([0, 1, 0, 0, 0, 0, 0]), flags & 0x0200 == 0,
            let additional = counts.last, additional <= 1
        else { throw malformed }
        let start = cursor.rest.startIndex
        guard let name = Self.name(&cursor), let type = cursor.number(2), cursor.number(2) == 1
        else { throw malformed }
        question = Array(bytes[start..<cursor.rest.startIndex])
        self.name = name
        self.type = UInt16(truncatingIfNeeded: type)
        hasOptions = additional == 1
        if hasOptions {
            // RFC 6891 section 6.1.2: the root, OPT, a size, a version (0) in what else is a lifetime.
            guard cursor.number(1) == 0, cursor.number(2) == Self.optionsType,
                cursor.take(2) != nil, let words = cursor.take(4), words.dropFirst().first == 0,
                cursor.vector(2) != nil
            else { throw malformed }
        }
        guard cursor.rest.isEmpty else { throw malformed }
    }

    /// Labels to the root's; nil for a pointer and for what is longer than names are.
    ///
    /// A dot or a control inside a label is kept as what no name holds, so that two names never read
    /// as one.
    private static func name(_ cursor: inout Cursor) -> String? {
        var text: [UInt8] = []
        while let length = cursor.number(1) {
            guard length > 0 else { return String(decoding: text, as: UTF8.self) }
            guard length <= 63, let label = cursor.take(length), text.count + length < 254 else {
                return nil
            }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            text += label.map { byte in
                switch byte {
                case 0x41...0x5a: byte | 0x20
                case 0x21...0x2d, 0x2f...0x7e: byte
                default: UInt8(ascii: "?")
                }
            }
        }
        return nil
    }

    package func response(_ answer: Answer) -> [UInt8] {
        let code: UInt16 =
            switch answer {
            case .addresses, .nothing: 0
            case .failed: 2
            case .noSuchName: 3
            case .refused: 5
            }
        // An answer, with its authority, to who wanted one looked up; what it wanted stays as it was.
        var bytes = Self.header(identifier, 0x8480 | flags & 0x0110 | code)
        bytes[5] = 1
        bytes += question
        if case .addresses(let all, let lifetime) = answer {
            for address in all.filter(isAskedFor).prefix(Self.addressCountLimit) {
                bytes[7] += 1
                // The name of the question, its type, class IN.
                bytes += [0xc0, 12, 0, UInt8(type), 0, 1, 0, 0, 0, lifetime]
                bytes += [0, UInt8(address.bytes.count)] + address.bytes
            }
        }
        if hasOptions {
            bytes[11] = 1
            let size = Self.byteCountLimit
            bytes += [0, 0, UInt8(Self.optionsType), UInt8(size >> 8), UInt8(size & 0xff)]
            bytes += [0, 0, 0, 0, 0, 0]
        }
        return bytes
    }

    private func isAskedFor(_ address: IPAddress) -> Bool {
        type == (address.isVersion6 ? Self.address6Type : Self.addressType)
    }

    /// To what could not be read; nil where nobody asked.
    package static func response(_ problem: Problem) -> [UInt8]? {
        switch problem {
        case .notAQuery: nil
        case .malformed(let identifier): header(identifier, 0x8001)
        case .otherOperation(let identifier): header(identifier, 0x8004)
        }
    }

    private static func header(_ identifier: UInt16, _ flags: UInt16) -> [UInt8] {
        [identifier, flags].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
            + [UInt8](repeating: 0, count: 8)
    }
}
