package import Base

/// A tombstone whose signature was checked: what stands in the place of the oldest records.
package struct VerifiedTombstone: Sendable, Equatable {
    private static let heading = Array("gatehouse/tombstone/1".utf8)
    private static let newline: UInt8 = 0x0a

    /// Records 0 up to this one are gone.
    package let size: UInt64
    /// When, as it was written.
    package let time: String
    /// Roots of the complete subtrees they filled, largest first.
    package let peaks: [Digest]
    /// Calls whose intent is among them and whose end is not.
    package let calls: Set<String>

    package init(
        _ note: [UInt8],
        _ key: VerifierKey,
        _ checker: any SignatureChecking
    ) throws(EvidenceError) {
        let signed = try SignedText(note)
        var lines = signed.text.split(separator: Self.newline, omittingEmptySubsequences: false)[
            ...
        ]
        guard lines.popLast()?.isEmpty == true,
            lines.popFirst()?.elementsEqual(Self.heading) == true
        else { throw .malformedTombstone("it does not begin and end like one") }
        let name = String(decoding: lines.popFirst() ?? [], as: UTF8.self)
        guard name.utf8.elementsEqual(key.name.utf8) else {
            throw .otherLog(found: name, expected: key.name)
        }
        guard let size = lines.popFirst().flatMap(VerifiedCheckpoint.decimal), size > 0 else {
            throw .malformedTombstone("its size is not a decimal number")
        }
        let time = String(decoding: lines.popFirst() ?? [], as: UTF8.self)
        guard Timestamp(time) != nil else {
            throw .malformedTombstone("its time is not one of RFC 3339")
        }
        var peaks: [Digest] = []
        var calls: Set<String> = []
        for line in lines {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 1)
            guard words.count == 2 else {
                throw .malformedTombstone("a line is neither peak nor call")
            }
            switch words[0] {
            case "peak":
                guard let peak = Base64.decode(String(words[1])).flatMap({ Digest(bytes: $0) })
                else {
                    throw .malformedTombstone("a peak is not a hash in base64")
                }
                guard calls.isEmpty else {
                    throw .malformedTombstone("a peak stands behind a call")
                }
                peaks.append(peak)
            case "call": calls.insert(String(words[1]))
            default: throw .malformedTombstone("a line is neither peak nor call")
            }
        }
        guard peaks.count == size.nonzeroBitCount else {
            throw .malformedTombstone("\(peaks.count) peaks do not make \(size) records")
        }
        guard signed.isSigned(by: key, checker) else { throw .tombstoneNotSigned }
        self.size = size
        self.time = time
        self.peaks = peaks
        self.calls = calls
    }
}
