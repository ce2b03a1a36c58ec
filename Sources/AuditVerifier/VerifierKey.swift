package import Base

/// Why evidence does not hold.
package enum EvidenceError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformedKey(String)
    case malformedCheckpoint(line: Int, String)
    case otherLog(found: String, expected: String)
    case notSigned
    case malformedTombstone(String)
    case tombstoneNotSigned
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
        case .malformedTombstone(let reason): "the tombstone is damaged: \(reason)"
        case .tombstoneNotSigned: "the tombstone carries no valid signature of the log's key"
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
        guard note.count <= 64 << 10 else {
            throw .malformedCheckpoint(line: 1, "it is longer than 64 KiB")
        }
        let signed = try SignedText(note)
        let lines = signed.text.split(
            separator: UInt8(ascii: "\n"),
            omittingEmptySubsequences: false
        )
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
        guard signed.isSigned(by: key, checker) else { throw .notSigned }
        self.size = size
        self.root = root
    }

    /// Decimal digits without a leading zero that fit 63 bits.
    static func decimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
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
