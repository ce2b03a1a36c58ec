package import Base

/// What a log commits to at one moment: its name, its size and its root (C2SP tlog-checkpoint).
package struct Checkpoint: Hashable, Sendable {
    package let origin: String
    package let size: UInt64
    package let root: Digest

    package init(origin: String, size: UInt64, root: Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The three lines that are signed.
    package var body: String {
        "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n"
    }
}

/// The name of one log: random, so that two gateways never write to one name.
package struct LogOrigin: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init(from random: any RandomSource) {
        text = "gatehouse/log/" + Hex.encode(random.bytes(count: 16))
    }

    /// Nil unless it is a name this project gives.
    package init?(_ text: String) {
        let prefix = "gatehouse/log/"
        guard text.hasPrefix(prefix) else { return nil }
        let id = text.dropFirst(prefix.count)
        guard id.utf8.count == 32, Hex.decode(id) != nil, id == id.lowercased() else { return nil }
        self.text = text
    }

    package var description: String { text }
}

/// Why a note is not a checkpoint of this log.
package enum CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformed(line: Int)
    case otherLog(String)
    case badSignature

    package var description: String {
        switch self {
        case .malformed(let line):
            "checkpoint is damaged at line \(line); restore the file from where it was sent"
        case .otherLog(let name):
            "checkpoint is of another log, `\(printable(name))`; use the state folder it belongs to"
        case .badSignature:
            "checkpoint was not signed with this log's key; it was changed, or the key was"
        }
    }
}

/// Signs and reads checkpoints of one log (C2SP signed-note, Ed25519: algorithm byte 0x01).
package struct CheckpointKey: Sendable {
    package let origin: LogOrigin
    package let publicKey: [UInt8]
    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
    package let id: [UInt8]

    package init(origin: LogOrigin, publicKey: [UInt8], _ hashing: any Hashing) {
        self.origin = origin
        self.publicKey = publicKey
        let preimage = Array(origin.text.utf8) + [0x0a, 0x01] + publicKey
        id = Array(hashing.sha256(preimage).bytes.prefix(4))
    }

    /// The verifier key as the note format writes it: `name+id+base64(0x01 ‖ key)`.
    package var text: String {
        "\(origin.text)+\(Hex.encode(id))+\(Base64.encode([0x01] + publicKey))"
    }

    package func note(_ checkpoint: Checkpoint, signedBy signer: any Signing) -> String {
        note(checkpoint.body, signedBy: signer)
    }

    /// A signed text (C2SP signed-note) that ends in a newline and does not begin like a checkpoint.
    package func note(_ body: String, signedBy signer: any Signing) -> String {
        let signature = signer.sign(Array(body.utf8))
        return body + "\n\u{2014} \(origin.text) \(Base64.encode(id + signature))\n"
    }

    /// The text of a note this key signed; nil where it did not, or not this text.
    package func text(of note: String, _ checker: any SignatureChecking) -> String? {
        let lines = note.utf8.split(separator: 0x0a, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard lines.last == "", let blank = lines.dropLast().lastIndex(of: "") else { return nil }
        let body = lines[..<blank].joined(separator: "\n") + "\n"
        return isSigned(body, by: lines[(blank + 1)...], checker) ? body : nil
    }

    /// Reads a note and checks its signature; signatures of others (witnesses) are passed over.
    package func open(
        _ note: String,
        _ checker: any SignatureChecking
    ) throws(CheckpointError) -> Checkpoint {
        let lines = note.utf8.split(separator: 0x0a, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard lines.count >= 6, lines.last == "" else { throw .malformed(line: lines.count) }
        guard lines[0] == origin.text else { throw .otherLog(lines[0]) }
        guard let size = UInt64(lines[1]), String(size) == lines[1] else {
            throw .malformed(line: 2)
        }
        guard let root = Base64.decode(lines[2]).flatMap({ Digest(bytes: $0) }) else {
            throw .malformed(line: 3)
        }
        // The last empty line before the end divides text and signatures.
        guard let blank = lines.dropLast().lastIndex(of: ""), blank >= 3 else {
            throw .malformed(line: 4)
        }
        let body = lines[..<blank].joined(separator: "\n") + "\n"
        guard isSigned(body, by: lines[(blank + 1)...], checker) else { throw .badSignature }
        return Checkpoint(origin: origin.text, size: size, root: root)
    }

    /// Whether one of these lines is this key's signature; those of others are passed over.
    private func isSigned(
        _ body: String,
        by lines: ArraySlice<String>,
        _ checker: any SignatureChecking
    ) -> Bool {
        let prefix = "\u{2014} \(origin.text) "
        return lines.contains { line in
            guard line.utf8.starts(with: prefix.utf8),
                let bytes = Base64.decode(
                    String(Substring(line.utf8.dropFirst(prefix.utf8.count)))
                ), bytes.count == 68,
                Array(bytes.prefix(4)) == id
            else { return false }
            let signature = Array(bytes.dropFirst(4))
            return checker.isSignature(signature, of: Array(body.utf8), by: publicKey)
        }
    }
}
