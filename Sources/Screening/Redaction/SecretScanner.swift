import Base

/// Finds the values of known secrets in every spelling of `SecretForms`, in plain, percent-encoded
/// and JSON-escaped text.
struct SecretScanner: Sendable {
    private let secrets: [KnownSecret]
    private let forms: [SecretForm]
    private let scanner: LiteralScanner

    init(_ secrets: [KnownSecret]) {
        self.secrets = secrets
        forms = SecretForms.all(of: secrets)
        scanner = LiteralScanner(forms.map(\.bytes))
    }

    var isEmpty: Bool { scanner.isEmpty }

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
        for escape in DecodedText.Escape.allCases where text.contains(escape.mark) {
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
        let overlap = scanner.longest * escape.widest + 12
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

@inline(__always)
func isBase64(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2b, 0x2f, 0x2d, 0x5f: true
    default: false
    }
}
