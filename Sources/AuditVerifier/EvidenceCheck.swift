package import Base
import JSON

/// One record with everything a stranger needs to believe it: what `audit prove` writes.
///
/// JSON with the members `record` (the leaf, as text), `index`, `size`, `path` (base64 hashes),
/// `checkpoint` (a note over `size` records), `key` (the verifier key) and, when the holder wants
/// commitments opened, `salt` (hexadecimal).
package struct Evidence: Sendable {
    package let record: [UInt8]
    package let index: UInt64
    package let size: UInt64
    package let path: [Digest]
    package let checkpoint: [UInt8]
    package let salt: [UInt8]?
    /// The key the evidence names; whoever checks decides whether to trust it.
    package let keyText: String

    package init(_ bytes: [UInt8]) throws(EvidenceError) {
        guard let document = try? JSONDocument(parsing: bytes, limits: .result) else {
            throw .malformedProof("it is not JSON")
        }
        let root = document.root
        guard let record = root["record"]?.utf8, let checkpoint = root["checkpoint"]?.utf8,
            let index = root["index"]?.number?.int64, index >= 0,
            let size = root["size"]?.number?.int64, size >= 0,
            let keyText = root["key"]?.string, let path = root["path"], path.count <= 64
        else { throw .malformedProof("a member is missing") }
        var hashes: [Digest] = []
        for element in path.elements {
            let bytes = element.string.flatMap { Base64.decode($0) }
            guard let digest = bytes.flatMap({ Digest(bytes: $0) }) else {
                throw .malformedProof("its path holds something that is no hash")
            }
            hashes.append(digest)
        }
        self.record = record
        self.index = UInt64(index)
        self.size = UInt64(size)
        self.path = hashes
        self.checkpoint = checkpoint
        self.keyText = keyText
        salt = root["salt"]?.string.flatMap { Hex.decode($0) }
    }

    /// Throws unless the record stands in the signed log at its place.
    package func check(
        _ key: VerifierKey,
        _ hashing: any Hashing,
        _ checker: any SignatureChecking
    ) throws(EvidenceError) {
        let signed = try VerifiedCheckpoint(checkpoint, key, checker)
        guard signed.size == size else {
            throw .malformedProof("the checkpoint covers \(signed.size) records, not \(size)")
        }
        let isIncluded = TreeCheck.isIncluded(
            record: record,
            at: index,
            size: size,
            path: path,
            root: signed.root,
            hashing
        )
        guard isIncluded else { throw .notIncluded }
    }

    /// Whether `content` is what the record's commitment of that name stands for; nil without salt
    /// or without such a commitment.
    package func opens(
        commitment name: String,
        to content: [UInt8],
        _ hashing: any Hashing
    ) -> Bool? {
        guard let salt, let document = try? JSONDocument(parsing: record, limits: .result),
            let text = document.root["detail"]?.member(name)?.string
        else { return nil }
        return hashing.hmacSHA256(key: salt, content).description == text
    }
}
