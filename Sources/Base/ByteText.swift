/// Whether `count` bytes are the same in both places; eight are compared at once.
@inlinable
package func haveEqualBytes(
    _ left: UnsafeRawPointer,
    _ right: UnsafeRawPointer,
    count: Int
) -> Bool {
    var at = 0
    while at &+ 8 <= count {
        let word = unsafe left.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        guard unsafe word == right.loadUnaligned(fromByteOffset: at, as: UInt64.self) else {
            return false
        }
        at &+= 8
    }
    while at < count {
        let byte = unsafe left.load(fromByteOffset: at, as: UInt8.self)
        guard unsafe byte == right.load(fromByteOffset: at, as: UInt8.self) else { return false }
        at &+= 1
    }
    return true
}

/// Bytes that came from outside, compared with texts of the source and made texts.
extension Span where Element == UInt8 {
    /// Whether these are exactly the bytes of `text`.
    @inlinable
    package func isEqual(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count == length, text.hasPointerRepresentation else { return false }
        return unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return true }  // Both are empty.
            return unsafe haveEqualBytes(base, text.utf8Start, count: length)
        }
    }
}

extension String {
    /// Bytes that are not UTF-8 become U+FFFD.
    @inlinable
    package init(decoding bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
