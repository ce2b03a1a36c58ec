package import Base

/// What stands in the place of the oldest records of a log once they are removed: how many they
/// were, and the hashes by which the rest of the tree still leads to every later root.
///
/// Signed like a checkpoint and told from one by its first line; `docs/audit-format.md` has the form.
package struct Tombstone: Hashable, Sendable {
    package static let heading = "gatehouse/tombstone/1"

    /// Records 0 up to this one are gone.
    package let size: UInt64
    package let time: Timestamp
    /// Roots of the complete subtrees they filled, largest first: one per bit set in `size`.
    package let peaks: [Digest]
    /// Calls whose intent is gone and whose end is not.
    package let calls: [String]

    package init(size: UInt64, time: Timestamp, peaks: [Digest], calls: [String]) {
        self.size = size
        self.time = time
        self.peaks = peaks
        self.calls = calls
    }

    package func body(_ origin: LogOrigin) -> String {
        let lines =
            [Self.heading, origin.text, "\(size)", time.description]
            + peaks.map { "peak " + Base64.encode($0.bytes) } + calls.map { "call " + $0 }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The root over the removed records (RFC 9162 2.1.1).
    package func root(_ hashing: any Hashing) -> Digest {
        let tree = TreeHashing(hashing)
        guard var hash = peaks.last else { return tree.emptyRoot }
        for left in peaks.dropLast().reversed() { hash = tree.node(left, hash) }
        return hash
    }
}

extension CheckpointKey {
    package func note(_ tombstone: Tombstone, signedBy signer: any Signing) -> String {
        note(tombstone.body(origin), signedBy: signer)
    }

    /// The tombstone of a note this key signed; nil where it signed none of this log.
    package func tombstone(_ note: String, _ checker: any SignatureChecking) -> Tombstone? {
        guard let body = text(of: note, checker) else { return nil }
        var lines = body.utf8.split(separator: 0x0a).map { String(Substring($0)) }[...]
        guard lines.popFirst() == Tombstone.heading, lines.popFirst() == origin.text,
            let size = lines.popFirst().flatMap({ UInt64($0) }),
            let time = lines.popFirst().flatMap({ Timestamp($0) })
        else { return nil }
        var peaks: [Digest] = []
        var calls: [String] = []
        for line in lines {
            if line.hasPrefix("call ") {
                calls.append(String(line.dropFirst(5)))
            } else if line.hasPrefix("peak "), calls.isEmpty,
                let peak = Base64.decode(String(line.dropFirst(5))).flatMap({ Digest(bytes: $0) })
            {
                peaks.append(peak)
            } else {
                return nil
            }
        }
        guard size > 0, peaks.count == size.nonzeroBitCount else { return nil }
        return Tombstone(size: size, time: time, peaks: peaks, calls: calls)
    }
}
