import Base

/// Finds the values of known secrets in every spelling of `SecretForms`, in plain, percent-encoded
/// and JSON-escaped text.
struct SecretScanner: Sendable {
    private let secrets: [KnownSecret]
    private let forms: [SecretForm]
    private let scanner: LiteralScanner
    /// Whether a value has bytes that JSON escapes by one letter; otherwise only `\u` can hide one.
    private let needsEveryEscape: Bool

    init(_ secrets: [KnownSecret]) {
        self.secrets = secrets
        forms = SecretForms.all(of: secrets)
        scanner = LiteralScanner(forms.map(\.bytes))
        needsEveryEscape = secrets.contains { secret in
            secret.value.contains { $0 < 0x20 || $0 == 0x22 || $0 == 0x2f || $0 == 0x5c }
        }
    }

    var isEmpty: Bool { scanner.isEmpty }

    /// The bytes of the longest spelling in its widest escape.
    var widest: Int { scanner.longest * 6 + 12 }

    func appendFindings(
        in text: [UInt8],
        to findings: inout [Finding],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        guard !isEmpty else { return }
        let span = text.span
        var hits: [LiteralScanner.Hit] = []
        scanner.appendHits(in: span, range: 0..<text.count, to: &hits)
        for hit in hits { findings.append(finding(hit, hit.range, in: span)) }
        try budget.check()
        let escapes = EscapeSearch.escapes(in: span, allJSON: needsEveryEscape)
        for escape in escapes {
            try appendFindings(in: span, undoing: escape, to: &findings, budget: &budget)
        }
    }

    /// Decodes chunk by chunk; chunks overlap by the widest spelling of the longest form.
    private func appendFindings(
        in text: Span<UInt8>,
        undoing escape: DecodedText.Escape,
        to findings: inout [Finding],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        let overlap = widest
        let step = max(32 << 10, overlap)
        var start = 0
        while start < text.count {
            let end = min(text.count, start + step + overlap)
            let decoded = DecodedText(text, range: start..<end, escape)
            if decoded.hasEscapes {
                var hits: [LiteralScanner.Hit] = []
                scanner.appendHits(
                    in: decoded.bytes.span,
                    range: 0..<decoded.bytes.count,
                    to: &hits
                )
                for hit in hits {
                    findings.append(finding(hit, decoded.source(of: hit.range), in: text))
                }
            }
            start += step
            try budget.check()
        }
    }

    private func finding(
        _ hit: LiteralScanner.Hit,
        _ source: Range<Int>,
        in text: Span<UInt8>
    ) -> Finding {
        let form = forms[hit.literal]
        var range = source
        if form.bleeds {
            // The letters on both sides hold the first and last bits of the value.
            if range.lowerBound > 0, isBase64(text[range.lowerBound - 1]) {
                range = range.lowerBound - 1..<range.upperBound
            }
            if range.upperBound < text.count, isBase64(text[range.upperBound]) {
                range = range.lowerBound..<range.upperBound + 1
            }
        }
        return Finding(range: range, rule: Finding.knownSecret, secret: secrets[form.secret].name)
    }
}

/// Which escapes occur in a text, so that only those are undone.
enum EscapeSearch {
    static func escapes(in text: Span<UInt8>, allJSON: Bool) -> [DecodedText.Escape] {
        var hasPercent = false
        var hasJSON = false
        var position = 0
        while !(hasPercent && hasJSON), let found = nextMark(in: text, from: position) {
            position = found + 1
            guard position + 1 < text.count else { break }
            let next = text[position]
            if text[found] == 0x25 {
                hasPercent = hasPercent || Letters.isHex(next) && Letters.isHex(text[position + 1])
            } else {
                hasJSON = hasJSON || next == 0x75 || allJSON
                // The second of two backslashes begins nothing.
                if next == 0x5c { position += 1 }
            }
        }
        return (hasPercent ? [.percent] : []) + (hasJSON ? [.json] : [])
    }

    static func hasBackslash(_ text: Span<UInt8>) -> Bool {
        var position = 0
        while let found = nextMark(in: text, from: position) {
            if text[found] == 0x5c { return true }
            position = found + 1
        }
        return false
    }

    /// The next `%` or backslash; eight bytes at once while there is none.
    private static func nextMark(in text: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        unsafe text.withUnsafeBytes { buffer in
            while position + 8 <= buffer.count {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                let percent = word ^ ones &* 0x25
                let backslash = word ^ ones &* 0x5c
                let zero =
                    (percent &- ones) & ~percent | (backslash &- ones) & ~backslash
                guard zero & tops == 0 else { break }
                position += 8
            }
        }
        while position < text.count {
            if text[position] == 0x25 || text[position] == 0x5c { return position }
            position += 1
        }
        return nil
    }
}

@inline(__always)
func isBase64(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2b, 0x2f, 0x2d, 0x5f: true
    default: false
    }
}
