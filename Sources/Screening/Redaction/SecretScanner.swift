import Base

/// Finds the values of known secrets in every spelling of `SecretForms`, in plain, percent-encoded
/// and JSON-escaped text.
struct SecretScanner: Sendable {
    private let secrets: [KnownSecret]
    private let forms: [SecretForm]
    private let scanner: LiteralScanner
    /// Whether a value has bytes that JSON escapes by one letter; otherwise only `\u` can hide one.
    private let needsEveryEscape: Bool
    /// The kinds of which a value itself has what looks like an escape.
    private let own: Escapes

    init(_ secrets: [KnownSecret]) {
        self.secrets = secrets
        forms = SecretForms.all(of: secrets)
        scanner = LiteralScanner(forms.map(\.bytes))
        needsEveryEscape = secrets.contains { secret in
            secret.value.contains { $0 < 0x20 || $0 == 0x22 || $0 == 0x2f || $0 == 0x5c }
        }
        var own: Escapes = []
        for secret in secrets {
            if secret.value.contains(0x25) { own.insert(.percent) }
            if secret.value.contains(0x5c) { own.insert(.json) }
            if secret.value.contains(0x26) { own.insert(.entity) }
            if secret.value.contains(0x0a) { own.insert(.fold) }
        }
        self.own = own
    }

    var isEmpty: Bool { scanner.isEmpty }

    /// The bytes of the longest spelling in its widest escape.
    var widest: Int { scanner.longest * Escapes.widest + 12 }

    /// Whether `appendFindings` would append nothing; false decides nothing.
    func findsNothing(in text: Span<UInt8>) -> Bool {
        guard !isEmpty else { return true }
        var hits: [LiteralScanner.Hit] = []
        scanner.appendHits(in: text, range: 0..<text.count, to: &hits)
        return hits.isEmpty && EscapeSearch.escapes(in: text, allJSON: needsEveryEscape).isEmpty
    }

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
        if !escapes.isEmpty {
            try appendFindings(in: span, undoing: escapes, to: &findings, budget: &budget)
        }
        // What is an escape of one kind may be plain to the other, and stand in a value.
        for kind in Escapes.kinds where escapes.contains(kind) && escapes != kind {
            guard !escapes.subtracting(kind).isDisjoint(with: own) else { continue }
            try appendFindings(in: span, undoing: kind, to: &findings, budget: &budget)
        }
    }

    /// How often escapes of escapes are undone.
    private static let mostRounds = 4

    /// Decodes chunk by chunk; chunks overlap by the widest spelling of the longest form.
    private func appendFindings(
        in text: Span<UInt8>,
        undoing escapes: Escapes,
        to findings: inout [Finding],
        budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        let overlap = widest
        let step = max(32 << 10, overlap)
        var start = 0
        while start < text.count {
            let end = min(text.count, start + step + overlap)
            var decoded = DecodedText(text, range: start..<end, escapes)
            var round = 1
            while decoded.hasEscapes {
                var hits: [LiteralScanner.Hit] = []
                scanner.appendHits(
                    in: decoded.bytes.span,
                    range: 0..<decoded.bytes.count,
                    to: &hits
                )
                for hit in hits {
                    findings.append(finding(hit, decoded.source(of: hit.range), in: text))
                }
                round += 1
                guard round <= Self.mostRounds else { break }
                try budget.check()
                var hidden = EscapeSearch.escapes(
                    in: decoded.bytes.span,
                    allJSON: needsEveryEscape
                )
                // One kind alone stays alone: the others may stand in the value.
                if Escapes.kinds.contains(escapes), !own.isEmpty {
                    hidden.formIntersection(escapes)
                }
                guard !hidden.isEmpty else { break }
                decoded = decoded.again(hidden)
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
    /// Lines of encoded bytes are longer than this; shorter ones are words.
    static let leastFold = 32

    static func escapes(in text: Span<UInt8>, allJSON: Bool) -> Escapes {
        var found: Escapes = []
        var position = 0
        while let mark = nextMark(in: text, from: position) {
            position = mark + 1
            guard position + 1 < text.count else { break }
            let next = text[position]
            switch text[mark] {
            case 0x25:
                if Letters.isHex(next), Letters.isHex(text[position + 1]) {
                    found.insert(.percent)
                }
            case 0x26:
                if next == 0x23 || Letters.isLower(next) { found.insert(.entity) }
            case 0x5c:
                if next == 0x75 || allJSON { found.insert(.json) }
                // The second of two backslashes begins nothing.
                if next == 0x5c { position += 1 }
            default:
                if isFold(text, mark) { found.insert(.fold) }
            }
        }
        return found
    }

    /// Whether what stands before the break could be encoded bytes.
    private static func isFold(_ text: Span<UInt8>, _ mark: Int) -> Bool {
        let end = mark > 0 && text[mark - 1] == 0x0d ? mark - 1 : mark
        guard end >= leastFold else { return false }
        for index in 1...leastFold where !isBase64(text[end - index]) { return false }
        return true
    }

    static func hasBackslash(_ text: Span<UInt8>) -> Bool { backslash(in: text, from: 0) != nil }

    /// The next backslash; eight bytes at once while there is none.
    static func backslash(in text: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        unsafe text.withUnsafeBytes { buffer in
            while position + 8 <= buffer.count {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                let difference = word ^ ones &* 0x5c
                guard (difference &- ones) & ~difference & tops == 0 else { break }
                position += 8
            }
        }
        while position < text.count {
            if text[position] == 0x5c { return position }
            position += 1
        }
        return nil
    }

    /// The next `%`, `&`, backslash or line break; eight bytes at once while there is none.
    private static func nextMark(in text: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        unsafe text.withUnsafeBytes { buffer in
            while position + 8 <= buffer.count {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                let percent = word ^ ones &* 0x25
                let ampersand = word ^ ones &* 0x26
                let backslash = word ^ ones &* 0x5c
                let line = word ^ ones &* 0x0a
                let zero =
                    (percent &- ones) & ~percent | (backslash &- ones) & ~backslash
                    | (line &- ones) & ~line | (ampersand &- ones) & ~ampersand
                guard zero & tops == 0 else { break }
                position += 8
            }
        }
        while position < text.count {
            switch text[position] {
            case 0x25, 0x26, 0x5c, 0x0a: return position
            default: position += 1
            }
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
