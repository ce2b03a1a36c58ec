extension Timestamp {
    /// Reads `2026-08-01`, `2026-08-01T12:00Z`, `…:30Z` or `…:30.123Z` (RFC 3339, in UTC).
    ///
    /// Nil for any other spelling, other offsets and days no calendar has.
    package init?(_ spelling: String) {
        let text = Array(spelling.utf8)
        func number(_ start: Int, _ count: Int) -> Int64? {
            guard start + count <= text.count else { return nil }
            var value: Int64 = 0
            for byte in text[start..<start + count] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        func isThere(_ byte: Character, _ place: Int) -> Bool {
            place < text.count && text[place] == byte.asciiValue
        }
        guard let year = number(0, 4), isThere("-", 4), let month = number(5, 2),
            isThere("-", 7), let day = number(8, 2), (1...12).contains(month),
            day >= 1, day <= Self.days(in: month, of: year)
        else { return nil }
        var inDay: Int64 = 0
        if text.count > 10 {
            guard isThere("T", 10), let hour = number(11, 2), hour < 24, isThere(":", 13),
                let minute = number(14, 2), minute < 60, text.last == UInt8(ascii: "Z")
            else { return nil }
            inDay = (hour * 60 + minute) * 60_000
            switch text.count {
            case 17: break
            case 20, 24:
                guard isThere(":", 16), let second = number(17, 2), second < 60 else { return nil }
                inDay += second * 1000
                guard text.count == 24 else { break }
                guard isThere(".", 19), let rest = number(20, 3) else { return nil }
                inDay += rest
            default: return nil
            }
        }
        self.init(milliseconds: Self.daysSince1970(year, month, day) * 86_400_000 + inDay)
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Howard Hinnant's days-from-civil; years from 0 to 9999.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
