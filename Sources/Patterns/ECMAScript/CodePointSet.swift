/// A set of Unicode scalar values as sorted ranges that do not touch; surrogates are never in it.
struct CodePointSet: Equatable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let last: UInt32 = 0x10FFFF

    init(_ unsorted: [ClosedRange<UInt32>]) {
        ranges = []
        // Text here is UTF-8, so a surrogate in a class can only match nothing.
        let scalars = unsorted.flatMap { range -> [ClosedRange<UInt32>] in
            var parts: [ClosedRange<UInt32>] = []
            if range.lowerBound < 0xD800 {
                parts.append(range.lowerBound...min(range.upperBound, 0xD7FF))
            }
            if range.upperBound > 0xDFFF {
                parts.append(max(range.lowerBound, 0xE000)...min(range.upperBound, Self.last))
            }
            return parts
        }
        for range in scalars.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let previous = ranges.last, range.lowerBound <= previous.upperBound &+ 1 {
                ranges[ranges.count - 1] =
                    previous.lowerBound...max(previous.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
    }

    var complement: CodePointSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= Self.last { gaps.append(next...Self.last) }
        return CodePointSet(gaps)
    }

    // ECMA-262 22.2.2.9 CharacterClassEscape, 12.2 white space, 12.3 line terminators.
    static let digits = CodePointSet([0x30...0x39])
    static let word = CodePointSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let whiteSpace = CodePointSet([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
        0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    static let lineTerminators = CodePointSet([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029])
    static let everything = CodePointSet([0...last])

    /// The ranges as RE2 and PCRE2 both read them inside `[…]`.
    var spelling: String {
        ranges.map { range in
            let low = codePointSpelling(range.lowerBound)
            return range.count == 1
                ? low : low + "-" + codePointSpelling(range.upperBound)
        }.joined()
    }
}

/// One character in a spelling that is never an operator, in either engine.
func codePointSpelling(_ value: UInt32) -> String {
    switch value {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: String(UnicodeScalar(UInt8(value)))
    default: "\\x{" + String(value, radix: 16) + "}"
    }
}
