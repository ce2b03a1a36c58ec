/// Private keys in armour: where they end, and their lines when the armour is not in sight.
enum KeyBlock {
    /// How far after its first line a key is followed.
    static let longest = 8 << 10

    /// From the marker to the end of the key: its own last line within reach, else as long as
    /// lines look like key material.
    static func range(from marker: Range<Int>, in text: [UInt8]) -> Range<Int> {
        guard text[marker].starts(with: Array("-----BEGIN".utf8)) else { return marker }
        let reach = min(text.count, marker.upperBound + longest)
        if let end = endMarker(in: text, marker.upperBound..<reach) {
            return marker.lowerBound..<end
        }
        var end = marker.upperBound
        var line = end
        var headers = 0
        while line < reach {
            let stop = text[line..<reach].firstIndex(of: 0x0a) ?? reach
            let run = longestBase64Run(in: text, line..<stop)
            if run >= 24 {
                end = stop
            } else if run >= 4, run * 4 >= (stop - line) * 3, end > marker.upperBound {
                // The last line is as short as the key wants; what follows it is something else.
                end = stop
                break
            } else if line > marker.upperBound {
                // `Proc-Type:`, `Version:` and an empty line may come first.
                headers += 1
                guard headers <= 4, end == marker.upperBound else { break }
            }
            line = stop + 1
        }
        return marker.lowerBound..<end
    }

    private static func endMarker(in text: [UInt8], _ range: Range<Int>) -> Int? {
        let dashes = Array("-----END".utf8)
        let words = Array("PRIVATE KEY".utf8)
        var index = range.lowerBound
        while index + dashes.count <= range.upperBound {
            guard text[index] == 0x2d, text[index...].starts(with: dashes) else {
                index += 1
                continue
            }
            let limit = min(range.upperBound, index + 100)
            if let close = (index + dashes.count..<limit).first(where: {
                text[$0...].starts(with: Array("-----".utf8))
            }), (index..<close).contains(where: { text[$0...].starts(with: words) }) {
                return close + 5
            }
            index += 1
        }
        return nil
    }

    /// Whether `line` has that mark and, after it, the words for a private key.
    static func hasMarker(_ line: [UInt8], _ mark: StaticString) -> Bool {
        let mark = Array("\(mark)".utf8)
        let words = Array("PRIVATE KEY".utf8)
        guard
            let start = line.indices.first(where: {
                line[$0] == 0x2d && line[$0...].starts(with: mark)
            })
        else { return false }
        return line[start...].indices.contains { line[$0...].starts(with: words) }
    }

    static func longestBase64Run(in text: [UInt8], _ range: Range<Int>) -> Int {
        var longest = 0
        var run = 0
        for index in range {
            run = isBase64(text[index]) ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }
}

/// Lines of key material without their armour: a page of a file, a log line, a cut.
///
/// PEM (RFC 7468) and GnuPG have 64 letters a line, OpenSSH 70; mail has 76 and is left alone. A run
/// of exactly so many Base64 letters, as random as encoded bytes are, is taken, unless it lies in
/// the armour of something public. It is no rule because there is no keyword to look for.
enum KeyMaterial {
    static let rule = "key-material"
    private static let widths = [64, 70]
    /// How far back a run is followed; longer ones are no lines.
    private static let longest = 80
    /// Bytes one text may be read backwards for armour; beyond it every such line is taken.
    private static let mostSteps = 32 << 20

    static func appendFindings(in text: [UInt8], to findings: inout [Finding]) {
        var position = first
        var steps = mostSteps
        while let line = nextLine(in: text.span, from: &position) {
            if isMaterial(text[line]), !isPublic(text, before: line.lowerBound, &steps) {
                findings.append(Finding(range: line, rule: rule))
            }
        }
    }

    /// Whether there is any line of such a width.
    static func mayOccur(in text: Span<UInt8>) -> Bool {
        var position = first
        return nextLine(in: text, from: &position) != nil
    }

    /// A run of 64 covers a position that is a multiple of 64, counted from 1.
    private static let first = 63

    private static func nextLine(in text: Span<UInt8>, from position: inout Int) -> Range<Int>? {
        while position < text.count {
            guard isStrictBase64(text[position]) else {
                position += 64
                continue
            }
            var start = position
            let floor = max(0, position - longest)
            while start > floor, isStrictBase64(text[start - 1]) { start -= 1 }
            var end = position + 1
            while end < text.count, isStrictBase64(text[end]) { end += 1 }
            // The whole run is read: the next cannot begin before its end.
            position = end + 64
            if widths.contains(end - start) { return start..<end }
        }
        return nil
    }

    @inline(__always)
    private static func isStrictBase64(_ byte: UInt8) -> Bool {
        // One bit for each of `+`, `/` and the digits; for each of the letters.
        let word: UInt64 = byte < 64 ? 0x03ff_8800_0000_0000 : 0x07ff_fffe_07ff_fffe
        return byte < 128 && word >> UInt64(byte & 63) & 1 != 0
    }

    private static func isMaterial(_ bytes: ArraySlice<UInt8>) -> Bool {
        let shape = Shape(bytes)
        return shape.lower >= 8 && shape.upper >= 8
            && (shape.digits > 0 ? shape.caseChanges * 7 : shape.caseChanges * 4) >= bytes.count
            && Entropy.bitsPerByte(of: bytes) >= 4.3
    }

    /// Whether the last armour before is of a certificate or public key, or an integrity digest
    /// (`sha384-…`) is what this is.
    private static func isPublic(
        _ text: [UInt8],
        before start: Int,
        _ steps: inout Int
    ) -> Bool {
        let digest = Array("sha384-".utf8)
        if start >= digest.count, text[(start - digest.count)...].starts(with: digest) {
            return true
        }
        let begin = Array("-----BEGIN ".utf8)
        let end = Array("-----END ".utf8)
        var index = start - begin.count
        let floor = max(0, start - (8 << 10))
        defer { steps -= start - index }
        while index >= floor, steps > 0 {
            if text[index] == 0x2d {
                if text[index...].starts(with: end) { return false }
                if text[index...].starts(with: begin) {
                    let label = text[index + begin.count..<min(start, index + 60)]
                    let words = Array("PRIVATE".utf8)
                    return !label.indices.contains { text[$0...].starts(with: words) }
                }
            }
            index -= 1
        }
        return false
    }
}
