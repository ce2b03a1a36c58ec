private import Base

extension ArraySlice<UInt8> {
    /// Takes the two hexadecimal digits behind a percent sign (RFC 3986 section 2.1) and says which
    /// byte they stand for; nil, and nothing taken, where they are not there.
    mutating func popEscaped() -> UInt8? {
        guard count >= 2, let high = Hex.value(of: self[startIndex]),
            let low = Hex.value(of: self[startIndex + 1])
        else { return nil }
        removeFirst(2)
        return high << 4 | low
    }
}
