/// Where the components of a path lie in its bytes; the first 128 of them without allocating.
struct Components {
    static let capacity = 128
    /// The longest text that is read as a path, in bytes (Linux' PATH_MAX).
    static let pathByteCount = 4096

    private var packed = InlineArray<128, UInt32>(repeating: 0)
    private var further: [UInt32] = []
    private(set) var count = 0

    subscript(index: Int) -> Range<Int> {
        let place = index < Self.capacity ? packed[index] : further[index - Self.capacity]
        return Int(place >> 16)..<Int(place & 0xffff)
    }

    /// False when there is no room without allocating; positions lie below 65,536 because paths
    /// are shorter.
    mutating func append(_ start: Int, _ end: Int) -> Bool {
        guard count < Self.capacity else { return false }
        appendAny(start, end)
        return true
    }

    /// However deep the path is.
    mutating func appendAny(_ start: Int, _ end: Int) {
        guard start <= end, end <= 0xffff else { return }
        let place = UInt32(truncatingIfNeeded: start << 16 | end)
        if count < Self.capacity {
            packed[count] = place
        } else {
            further.append(place)
        }
        count += 1
    }

    mutating func removeLast() {
        guard count > 0 else { return }
        if count > Self.capacity { further.removeLast() }
        count -= 1
    }
}
