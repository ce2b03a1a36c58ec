import JSON

/// Text as a terminal may show it, so that what a person reads is what will be sent.
///
/// Characters that do not show, move others, or pass for ASCII are written `\u{…}` and counted.
/// The input is JSON, where a backslash of the value is always doubled: no value can imitate that
/// spelling.
package struct Visible: Sendable, Equatable {
    package enum Finding: String, Sendable, CaseIterable, Comparable {
        case control = "control characters"
        case direction = "characters that change the direction of text"
        case invisible = "invisible characters"
        case blank = "unusual blanks"
        case lookalike = "characters that look like others"
        case unassigned = "private or unassigned characters"
        case stacked = "stacked marks"

        package static func < (left: Finding, right: Finding) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    package private(set) var text = ""
    /// What was written as an escape, and how often.
    package private(set) var findings: [Finding: Int] = [:]

    /// `newlines` of the layout are kept; every other control is escaped.
    package init(_ source: String) {
        var word: [Unicode.Scalar] = []
        var marks = 0
        var last: Unicode.Scalar?
        for scalar in source.unicodeScalars {
            defer { last = scalar }
            if let finding = Self.finding(of: scalar) {
                flush(&word)
                escape(scalar, finding)
                continue
            }
            let isMark = Self.isMark(scalar)
            marks = isMark ? marks + 1 : 0
            if marks > 2 {
                flush(&word)
                escape(scalar, .stacked)
            } else if isMark || scalar.properties.isAlphabetic || scalar.value &- 0x30 < 10 {
                word.append(scalar)
            } else if LookAlikes.containsSign(scalar, after: last) {
                flush(&word)
                escape(scalar, .lookalike)
            } else {
                flush(&word)
                text.unicodeScalars.append(scalar)
            }
        }
        flush(&word)
    }

    /// A line about the findings; nil when there were none.
    package var warning: String? { Self.warning(of: findings) }

    static func warning(of findings: [Finding: Int]) -> String? {
        guard !findings.isEmpty else { return nil }
        let parts = findings.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.rawValue)" }
        return "written as \\u{…}: " + parts.joined(separator: ", ")
    }

    /// A word that mixes ASCII letters with look-alikes, or could be read as ASCII from end to end.
    private mutating func flush(_ word: inout [Unicode.Scalar]) {
        defer { word.removeAll(keepingCapacity: true) }
        guard word.contains(where: { $0.value >= 0x80 }) else {
            text.unicodeScalars.append(contentsOf: word)
            return
        }
        let hasASCII = word.contains { ($0.value | 0x20) &- 0x61 < 26 }
        let foreign = word.filter { $0.value >= 0x80 && !Self.isMark($0) }
        let isDisguise = !foreign.isEmpty && foreign.allSatisfy { LookAlikes.contains($0) }
        for scalar in word {
            if scalar.value >= 0x80, hasASCII || isDisguise, LookAlikes.contains(scalar) {
                escape(scalar, .lookalike)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }

    private mutating func escape(_ scalar: Unicode.Scalar, _ finding: Finding) {
        text += "\\u{" + String(scalar.value, radix: 16) + "}"
        findings[finding, default: 0] += 1
    }

    /// A text that is no JSON, as one line: spelled as JSON first, so that it imitates nothing.
    package static func spell(_ text: String) -> String {
        let quoted = JSONValue(text).serialised()
        var none: [Finding: Int] = [:]
        return ArgumentLines.spell(Array(quoted.dropFirst().dropLast()), &none)
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: true
        default: false
        }
    }

    private static func finding(of scalar: Unicode.Scalar) -> Finding? {
        switch scalar.value {
        case 0x0a: return nil
        case 0x20...0x7e: return nil
        case 0..<0x20, 0x7f..<0xa0: return .control
        case 0x61c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: return .direction
        // Marks without a shape, soft hyphen, joiners, fillers, variation selectors, tags.
        case 0xad, 0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b...0x180f, 0x200b...0x200d,
            0x2060...0x2065, 0x206a...0x206f, 0x3164, 0xfe00...0xfe0f, 0xfeff, 0xffa0,
            0xfff0...0xfffb, 0x1bca0...0x1bca3, 0x1d173...0x1d17a, 0xe0000...0xe0fff:
            return .invisible
        case 0x2800: return .blank
        default: break
        }
        switch scalar.properties.generalCategory {
        case .spaceSeparator: return .blank
        case .lineSeparator, .paragraphSeparator, .control: return .control
        case .format: return .invisible
        case .privateUse, .unassigned, .surrogate: return .unassigned
        default: return nil
        }
    }
}

/// Letters of other scripts that most fonts draw like an ASCII letter or digit.
///
/// A list of blocks and letters of our own making: whole blocks that repeat ASCII in another
/// style, and the usual Cyrillic, Greek, Armenian, Cherokee and Latin doubles.
enum LookAlikes {
    private static let letters: Set<UInt32> = Set(
        "аеорсухіјѕԁһӏԛԝАВЕЗІЈКМНОРСТУХЅԌԚԜҮαικνορτυχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳօսհոցրքԼՏՍոıȷɑɡɩɪʏᴄᴏᴜᴠᴡᴢꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓨꓩꓪꓫꓬꓮꓰꓲꓳꓴᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏃᏆᏚᏢᏦᏧᏩᏮᏰᏴ"
            .unicodeScalars.map(\.value)
    )

    static func contains(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Full-width forms, letterlike symbols, mathematical alphabets, enclosed and Roman numerals.
        case 0xff01...0xff5e, 0x2100...0x214f, 0x1d400...0x1d7ff, 0x2160...0x217f,
            0x249c...0x24e9, 0x1f130...0x1f189:
            true
        default: letters.contains(scalar.value)
        }
    }

    /// Signs that pass for those which part paths, names and commands.
    ///
    /// Full-width marks belong behind words of scripts that are as wide; but one that passes for a
    /// slash, a dot, a hyphen or an underscore belongs nowhere.
    static func containsSign(_ scalar: Unicode.Scalar, after last: Unicode.Scalar?) -> Bool {
        switch scalar.value {
        case 0xff0d...0xff0f, 0xff3c, 0xff3f: true
        case 0xff01...0xff0c, 0xff1a...0xff20, 0xff3b...0xff40, 0xff5b...0xff5e:
            !(last.map { $0.value >= 0x2e80 && $0.properties.isAlphabetic } ?? false)
        default: signs.contains(scalar.value)
        }
    }

    /// Slashes, backslashes, dots, hyphens, colons, semicolons, and small and vertical forms.
    private static let signs: Set<UInt32> = [
        0x2044, 0x2215, 0x29f8, 0x2571, 0x2216, 0x29f5, 0x29f9, 0xfe68, 0x2024, 0x2025, 0xa4f8,
        0x2010, 0x2011, 0x2012, 0x2043, 0x2212, 0x2d7, 0xfe58, 0xfe63, 0x2236, 0xa789, 0x2d0,
        0x37e, 0x2217, 0x204e, 0x2223, 0x223c, 0x201a, 0xfe10, 0xfe13, 0xfe14, 0xfe15, 0xfe16,
        0xfe50, 0xfe52, 0xfe54, 0xfe55, 0xfe56, 0xfe57, 0xfe5f, 0xfe60, 0xfe61, 0xfe62, 0xfe64,
        0xfe65, 0xfe66, 0xfe69, 0xfe6a, 0xfe6b,
    ]
}
