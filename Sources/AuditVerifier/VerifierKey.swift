package import Base

/// Why evidence does not hold.
package enum EvidenceError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformedKey(String)
    case malformedCheckpoint(line: Int, String)
    case otherLog(found: String, expected: String)
    case notSigned
    case malformedProof(String)
    /// The proof leads to another root than the checkpoint's.
    case notIncluded
    case notConsistent

    package var description: String {
        switch self {
        case .malformedKey(let reason):
            "the log's public key is not usable: \(reason); it reads `NAME+ID+BASE64`"
        case .malformedCheckpoint(let line, let reason):
            "the checkpoint is damaged at line \(line): \(reason)"
        case .otherLog(let found, let expected):
            "the checkpoint is of `\(printable(found))`, not of `\(printable(expected))`"
        case .notSigned: "the checkpoint carries no valid signature of the log's key"
        case .malformedProof(let reason): "the proof is not usable: \(reason)"
        case .notIncluded: "the record is not the one the checkpoint covers at that place"
        case .notConsistent: "the newer checkpoint does not contain the older one's records"
        }
    }
}

/// The name and key of a log, as its operator published them.
///
/// The text form is the one of C2SP signed-note: `NAME+ID+BASE64`, where the base64 part is the
/// algorithm byte 0x01 (Ed25519) and the key, and the id binds both to the name.
package struct VerifierKey: Sendable, Equatable {
    package let name: String
    package let id: [UInt8]
    package let publicKey: [UInt8]

    package init(_ text: String, _ hashing: any Hashing) throws(EvidenceError) {
        // The base64 part may contain `+`, so only the first two separate.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty else {
            throw .malformedKey("it does not have three parts")
        }
        guard let id = Hex.decode(parts[1]), id.count == 4 else {
            throw .malformedKey("its id is not eight hexadecimal digits")
        }
        guard let encoded = Base64.decode(parts[2]), encoded.count == 33, encoded[0] == 1 else {
            throw .malformedKey("it is not an Ed25519 key")
        }
        let name = String(parts[0])
        let expected = hashing.sha256(Array(name.utf8) + [0x0a] + encoded).bytes.prefix(4)
        guard Array(expected) == id else { throw .malformedKey("its id does not fit it") }
        self.name = name
        self.id = id
        publicKey = Array(encoded.dropFirst())
    }
}

/// A checkpoint whose signature was checked.
package struct VerifiedCheckpoint: Sendable, Equatable {
    package let size: UInt64
    package let root: Digest

    /// Reads a note of C2SP tlog-checkpoint: name, size, root, further lines, a blank line,
    /// signatures; one of them must be the key's.
    package init(
        _ note: [UInt8],
        _ key: VerifierKey,
        _ checker: any SignatureChecking
    ) throws(EvidenceError) {
        let newline = UInt8(ascii: "\n")
        guard note.count <= 64 << 10 else {
            throw .malformedCheckpoint(line: 1, "it is longer than 64 KiB")
        }
        guard note.last == newline else {
            throw .malformedCheckpoint(line: 1, "it does not end with a newline")
        }
        var blank: Int?
        for index in note.indices.dropFirst() where note[index] == newline {
            if note[index - 1] == newline { blank = index }
            // The last blank line divides, as the note format says.
        }
        guard let blank else { throw .malformedCheckpoint(line: 4, "it has no signatures") }
        let text = note[..<blank]
        let lines = text.split(separator: newline, omittingEmptySubsequences: false)
        guard lines.count >= 4 else { throw .malformedCheckpoint(line: lines.count, "too short") }
        let name = String(decoding: lines[0], as: UTF8.self)
        guard name.utf8.elementsEqual(key.name.utf8) else {
            throw .otherLog(found: name, expected: key.name)
        }
        guard let size = Self.decimal(lines[1]) else {
            throw .malformedCheckpoint(line: 2, "the size is not a decimal number")
        }
        let rootText = String(decoding: lines[2], as: UTF8.self)
        guard let root = Base64.decode(rootText).flatMap({ Digest(bytes: $0) }) else {
            throw .malformedCheckpoint(line: 3, "the root is not a hash in base64")
        }
        let isSigned = note[(blank + 1)...].split(separator: newline).contains { line in
            Self.isSignature(line, of: Array(text), key, checker)
        }
        guard isSigned else { throw .notSigned }
        self.size = size
        self.root = root
    }

    private static func isSignature(
        _ line: ArraySlice<UInt8>,
        of text: [UInt8],
        _ key: VerifierKey,
        _ checker: any SignatureChecking
    ) -> Bool {
        // U+2014, a space, the name, a space, base64 of the id and the signature.
        let start = [0xe2, 0x80, 0x94, 0x20] + Array(key.name.utf8) + [0x20]
        guard line.starts(with: start),
            let bytes = Base64.decode(String(decoding: line.dropFirst(start.count), as: UTF8.self)),
            bytes.count == 68, Array(bytes.prefix(4)) == key.id
        else { return false }
        return checker.isSignature(Array(bytes.dropFirst(4)), of: text, by: key.publicKey)
    }

    /// Decimal digits without a leading zero that fit 63 bits.
    private static func decimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard let first = digits.first, first != 0x30 || digits.count == 1 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit), value < 1 << 59 else { return nil }
            value = value * 10 + UInt64(digit - 0x30)
        }
        return value
    }

    /// The notes of a file in which each is followed by a blank line.
    package static func split(_ file: [UInt8]) -> [[UInt8]] {
        // A note is text, blank line, signatures; the next begins after one more blank line.
        var notes: [[UInt8]] = []
        var current: [UInt8] = []
        var blanks = 0
        for line in file.split(separator: 0x0a, omittingEmptySubsequences: false) {
            if line.isEmpty {
                blanks += 1
                if blanks == 2 {
                    notes.append(current)
                    current = []
                    blanks = 0
                    continue
                }
            }
            if !(line.isEmpty && current.isEmpty) {
                current += line
                current.append(0x0a)
            } else {
                blanks = 0
            }
        }
        if !current.isEmpty { notes.append(current) }
        return notes
    }
}
