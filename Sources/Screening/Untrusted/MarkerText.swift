/// How a code point counts when a text is compared with the marker's words.
enum MarkerFold: Equatable {
    case letter(UInt8)
    /// Between letters it changes nothing for a reader: blanks, punctuation.
    case skip
    /// It takes no place at all: marks over letters, joiners, fillers.
    case nothing
    case stop

    /// - Parameter readsTags: whether characters of the tags block are the letters they stand for
    ///   (a model may read them, no person sees them) instead of nothing between others.
    init(_ value: UInt32, readsTags: Bool = false) {
        if value < 0x80 {
            self = Self.ascii(UInt8(value))
        } else if readsTags, Self.tags.contains(value) {
            self = Self.ascii(UInt8(value & 0x7f))
        } else if let letter = Self.letter(value) {
            self = .letter(letter)
        } else {
            self = Self.other(value)
        }
    }

    static let tags: ClosedRange<UInt32> = 0xE0020...0xE007E

    /// One code point that is two of the marker's letters.
    static func pair(_ value: UInt32) -> (UInt8, UInt8)? {
        switch value {
        case 0xFB05, 0xFB06: (0x73, 0x74)  // ﬅ, ﬆ
        case 0x3381: (0x6e, 0x61)  // ㎁
        case 0x3372: (0x64, 0x61)  // ㍲
        default: nil
        }
    }

    private static func ascii(_ byte: UInt8) -> MarkerFold {
        switch byte {
        case 0x41...0x5a: .letter(byte | 0x20)
        case 0x61...0x7a: .letter(byte)
        case 0x33: .letter(0x65)  // 3, e
        case 0x34: .letter(0x61)  // 4, a
        case 0x35: .letter(0x73)  // 5, s
        case 0x37: .letter(0x74)  // 7, t
        case 0x31: .letter(0x6c)  // 1, l
        case 0x30...0x39: .stop
        default: .skip
        }
    }

    /// The Latin letter this one looks like, among those of the marker.
    private static func letter(_ value: UInt32) -> UInt8? {
        switch value {
        // Full-width, circled, mathematical.
        case 0xFF21...0xFF3A: return UInt8(value - 0xFF21 + 0x61)
        case 0xFF41...0xFF5A: return UInt8(value - 0xFF41 + 0x61)
        case 0x24B6...0x24CF: return UInt8(value - 0x24B6 + 0x61)
        case 0x24D0...0x24E9: return UInt8(value - 0x24D0 + 0x61)
        case 0x249C...0x24B5: return UInt8(value - 0x249C + 0x61)
        case 0x1D400...0x1D6A3: return UInt8((value - 0x1D400) % 26 + 0x61)
        case 0x1F110...0x1F129: return UInt8(value - 0x1F110 + 0x61)
        case 0x1F130...0x1F149: return UInt8(value - 0x1F130 + 0x61)
        case 0x1F150...0x1F169: return UInt8(value - 0x1F150 + 0x61)
        case 0x1F170...0x1F189: return UInt8(value - 0x1F170 + 0x61)
        case 0x1F1E6...0x1F1FF: return UInt8(value - 0x1F1E6 + 0x61)
        default: return lookalikes[value]
        }
    }

    private static let lookalikes: [UInt32: UInt8] = {
        let rows: [(Character, String)] = [
            ("a", "àáâãäåāăąǎȁȃạảấầẩẫậÀÁÂÃÄÅĀĂĄǍẠẢɑαаΑАᴀᗅꭺªǞǟǠǡǺǻȀȂȦȧᴬᵃḀḁẤẦẨẪẬẮắẰằẲẳẴẵẶặₐÅ"),
            ("d", "ďđḍḋḏÐĎĐḌḊԁɗᴅᗪꓓԀⅾⅮꭰᴰᵈḎḐḑḒḓⅅⅆ"),
            ("e", "èéêëēĕėęěẹẻẽếềểễệÈÉÊËĒĔĖĘĚẸẺẼеєёЕЁεΕᴇꓰℯⅇꭼЭȄȅȆȇȨȩᴱᵉḔḕḖḗḘḙḚḛḜḝẾỀỂỄỆₑℰ"),
            ("l", "ĺļľŀłḷḹĹĻĽĿŁḶʟⅼⅬⅠⅰӀӏɭꓡ|ιІıΙˡᴸḸḺḻḼḽₗℒℓ"),
            ("n", "ñńņňŉṅṇṉÑŃŅŇṄṆɴηΝпИийnꓠոǸǹᴺṈṊṋⁿₙℕ"),
            ("r", "ŕŗřṙṛṟŔŖŘṘṚʀгяЯᴦꓣꭱȐȑȒȓʳᴿᵣṜṝṞℛℜℝ🄬"),
            ("s", "śŝşšșṡṣŚŜŞŠȘṠṢѕЅꜱʂꓢՏƽſˢṤṥṦṧṨṩẛₛ"),
            ("t", "ţťŧțṫṭṯŢŤŦȚṪṬτΤтТᴛꓔ†ᵀᵗṮṰṱẗₜ"),
            ("u", "ùúûüũūŭůűųưụủứừÙÚÛÜŨŪŬŮŰŲƯỤỦυᴜцЦՍսꓴμǓǔǕǖǗǘǙǚǛǜȔȕȖȗᵁᵘᵤṲṳṴṵṶṷṸṹṺṻỨỪỬửỮữỰự"),
            ("x", "ẋẍẊẌхХχΧ×ⅹⅩꓫᕁ᙮ҳҲˣₓⲭⲬ᙭ꭓ"),
        ]
        var table: [UInt32: UInt8] = [:]
        for (letter, row) in rows {
            for scalar in row.unicodeScalars where !scalar.isASCII {
                table[scalar.value] = letter.asciiValue ?? 0
            }
        }
        return table
    }()

    private static func other(_ value: UInt32) -> MarkerFold {
        // Most of what people write in these ranges is letters; the table below is slow.
        if (0x2E80...0xD7FF).contains(value), !(0x3000...0x303F).contains(value) { return .stop }
        guard let scalar = Unicode.Scalar(value) else { return .stop }
        if scalar.properties.isDefaultIgnorableCodePoint { return .nothing }
        return switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber, .letterNumber, .otherNumber:
            .stop
        case .nonspacingMark, .enclosingMark, .format: .nothing
        default: .skip
        }
    }
}

/// The marks round text that nobody vouches for, and the breaking of their imitations.
enum UntrustedMarker {
    static let words: [UInt8] = Array("untrustedexternaldata".utf8)
    /// Where the only `x` of the words is.
    private static let anchor = 10
    /// What may be skipped between two letters, in code points; more is no imitation.
    private static let longestGap = 32
    /// The same for what takes no place.
    private static let longestNothing = 4096
    /// What stands in the text instead of an imitation.
    static let broken: [UInt8] = Array("UNTRUSTED(quoted)EXTERNAL(quoted)DATA".utf8)

    static func opening(source: String, id: String) -> String {
        "[UNTRUSTED_EXTERNAL_DATA source=\(source) id=\(id)]"
    }

    static func closing(id: String) -> String { "[/UNTRUSTED_EXTERNAL_DATA id=\(id)]" }

    /// Where `text` has something a reader could take for the marker's words.
    ///
    /// Case, width, look-alike letters, marks and whatever stands between letters do not count.
    /// Plain words with single blanks between them and no bracket before are prose and left alone.
    static func imitations(in text: Span<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var position = 0
        while let candidate = nextCandidate(in: text, from: position) {
            position = candidate + 1
            if isPlainWord(text, before: candidate) { continue }
            guard let (value, count) = decode(text, candidate),
                MarkerFold(value, readsTags: true) == .letter(words[anchor])
            else { continue }
            let readsTags = MarkerFold.tags.contains(value)
            guard let start = walkBack(text, from: candidate, readsTags),
                let end = walkOn(text, from: candidate + count, readsTags)
            else { continue }
            if !isProse(text, start, end) { found.append(start..<end) }
            position = max(position, end)
        }
        return found
    }

    /// The next `x`, or byte that may begin a letter that looks like one.
    private static func nextCandidate(in text: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        // Eight bytes at once: no byte over 0x7f and none that is `x` in either case.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        unsafe text.withUnsafeBytes { buffer in
            while position + 8 <= buffer.count {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                let difference = (word | ones &* 0x20) ^ ones &* 0x78
                guard (word | (difference &- ones) & ~difference) & tops == 0 else { break }
                position += 8
            }
        }
        while position < text.count {
            let byte = text[position]
            if byte | 0x20 == 0x78 || byte >= 0xC3 { return position }
            position += 1
        }
        return nil
    }

    /// Whether the two letters before the anchor are plain ones, and not those of the words: most
    /// words with an `x` are told apart by that.
    @inline(__always)
    private static func isPlainWord(_ text: Span<UInt8>, before anchor: Int) -> Bool {
        guard anchor >= 2 else { return false }
        let (first, second) = (text[anchor - 2] | 0x20, text[anchor - 1] | 0x20)
        return Letters.isLower(first) && Letters.isLower(second)
            && !(first == 0x64 && second == 0x65)
    }

    private static func walkBack(
        _ text: Span<UInt8>,
        from anchorStart: Int,
        _ readsTags: Bool
    ) -> Int? {
        var position = anchorStart
        var wanted = anchor - 1
        var gap = 0
        var nothing = 0
        while wanted >= 0 {
            guard position > 0 else { return nil }
            var start = position - 1
            while start > 0, text[start] & 0xc0 == 0x80, position - start < 4 { start -= 1 }
            guard let (value, _) = decode(text, start) else { return nil }
            position = start
            if wanted > 0, let (first, second) = MarkerFold.pair(value),
                first == words[wanted - 1], second == words[wanted]
            {
                wanted -= 2
                (gap, nothing) = (0, 0)
                continue
            }
            switch MarkerFold(value, readsTags: readsTags) {
            case .letter(words[wanted]):
                wanted -= 1
                (gap, nothing) = (0, 0)
            case .skip:
                gap += 1
                if gap > longestGap { return nil }
            case .nothing:
                nothing += 1
                if nothing > longestNothing { return nil }
            default: return nil
            }
        }
        return position
    }

    private static func walkOn(
        _ text: Span<UInt8>,
        from start: Int,
        _ readsTags: Bool
    ) -> Int? {
        var position = start
        var wanted = anchor + 1
        var gap = 0
        var nothing = 0
        while wanted < words.count {
            guard let (value, count) = decode(text, position) else { return nil }
            position += count
            if wanted + 1 < words.count, let (first, second) = MarkerFold.pair(value),
                first == words[wanted], second == words[wanted + 1]
            {
                wanted += 2
                (gap, nothing) = (0, 0)
                continue
            }
            switch MarkerFold(value, readsTags: readsTags) {
            case .letter(words[wanted]):
                wanted += 1
                (gap, nothing) = (0, 0)
            case .skip:
                gap += 1
                if gap > longestGap { return nil }
            case .nothing:
                nothing += 1
                if nothing > longestNothing { return nil }
            default: return nil
            }
        }
        return position
    }

    private static func isProse(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var blanks = 0
        for index in start..<end {
            if text[index] == 0x20 || text[index] == 0x0a {
                blanks += 1
            } else if !Letters.isLower(text[index] | 0x20) || text[index] >= 0x80 {
                return false
            }
        }
        guard blanks == 2 else { return false }
        // `[`, `/`, `<` … before it, perhaps after blanks.
        var index = start - 1
        while index >= 0, text[index] == 0x20 { index -= 1 }
        guard index >= 0 else { return true }
        return Letters.isAlphanumeric(text[index])
            || [0x2c, 0x2e, 0x0a, 0x3a].contains(text[index])
    }

    /// The code point at `position`, nil at the end; bytes that are no UTF-8 count one each.
    private static func decode(_ text: Span<UInt8>, _ position: Int) -> (UInt32, Int)? {
        guard position < text.count else { return nil }
        let first = text[position]
        let count = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard count > 1, position + count <= text.count else {
            return (first < 0x80 ? UInt32(first) : 0xFFFD, 1)
        }
        var value = UInt32(first) & (0x7F >> UInt32(count))
        for index in position + 1..<position + count {
            guard text[index] & 0xc0 == 0x80 else { return (0xFFFD, 1) }
            value = value << 6 | UInt32(text[index] & 0x3f)
        }
        return (value, count)
    }
}
