/// Where the components of a path lie in its bytes; at most 128 of them, without allocating.
struct Components {
    static let capacity = 128
    /// The longest text that is read as a path, in bytes (Linux' PATH_MAX).
    static let pathByteCount = 4096

    private var packed = InlineArray<128, UInt32>(repeating: 0)
    private(set) var count = 0

    subscript(index: Int) -> Range<Int> {
        Int(packed[index] >> 16)..<Int(packed[index] & 0xffff)
    }

    /// False when there is no room; positions lie below 65,536 because paths are shorter.
    mutating func append(_ start: Int, _ end: Int) -> Bool {
        guard count < Self.capacity, start <= end, end <= 0xffff else { return false }
        packed[count] = UInt32(truncatingIfNeeded: start << 16 | end)
        count += 1
        return true
    }

    mutating func removeLast() { if count > 0 { count -= 1 } }
}
