/// Reads numbers and vectors off the front of bytes; nil where they end too early.
struct Cursor {
    var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        let taken = rest.prefix(count)
        rest = rest.dropFirst(count)
        return taken
    }

    mutating func number(_ byteCount: Int) -> Int? {
        take(byteCount)?.reduce(0) { $0 << 8 | Int($1) }
    }

    /// A length of so many bytes, and what it counts.
    mutating func vector(_ lengthByteCount: Int) -> ArraySlice<UInt8>? {
        var ahead = self
        guard let length = ahead.number(lengthByteCount), let content = ahead.take(length) else {
            return nil
        }
        self = ahead
        return content
    }
}
