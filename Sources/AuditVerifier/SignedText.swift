import Base

/// A note of C2SP signed-note, taken apart: text, a blank line, signatures.
struct SignedText {
    private static let newline = UInt8(ascii: "\n")

    /// Up to its last newline, which is signed as well.
    let text: ArraySlice<UInt8>
    private let signatures: ArraySlice<UInt8>

    init(_ note: [UInt8]) throws(EvidenceError) {
        guard note.last == Self.newline else {
            throw .malformedCheckpoint(line: 1, "it does not end with a newline")
        }
        var blank: Int?
        for index in note.indices.dropFirst() where note[index] == Self.newline {
            // The last blank line divides, as the note format says.
            if note[index - 1] == Self.newline { blank = index }
        }
        guard let blank else { throw .malformedCheckpoint(line: 4, "it has no signatures") }
        text = note[..<blank]
        signatures = note[(blank + 1)...]
    }

    /// Whether one of the signatures is the key's; those of others are passed over.
    func isSigned(by key: VerifierKey, _ checker: any SignatureChecking) -> Bool {
        // U+2014, a space, the name, a space, base64 of the id and the signature.
        let start = [0xe2, 0x80, 0x94, 0x20] + Array(key.name.utf8) + [0x20]
        let message = Array(text)
        return signatures.split(separator: Self.newline).contains { line in
            guard line.starts(with: start),
                let bytes = Base64.decode(
                    String(decoding: line.dropFirst(start.count), as: UTF8.self)
                ), bytes.count == 68, Array(bytes.prefix(4)) == key.id
            else { return false }
            return checker.isSignature(Array(bytes.dropFirst(4)), of: message, by: key.publicKey)
        }
    }
}
