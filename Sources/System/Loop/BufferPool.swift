/// Receive buffers that are lent to connections while bytes are in them.
///
/// Ten thousand idle connections hold none. Loop thread only. Safe: chunks are owned by the list of
/// the free ones or by the one stream they were lent to, and all have the length `chunkByteCount`.
@safe
final class BufferPool {
    static let chunkByteCount = 16 << 10
    /// More than this many free chunks (2 MiB) go back to the allocator.
    private static let keptCount = 128
    static let bulkByteCount = 256 << 10

    /// The last chunk that was given back; the first word of each holds the one before.
    private var free: UnsafeMutableRawPointer?
    private var freeCount = 0
    private var bulkChunk: UnsafeMutableRawPointer?

    deinit {
        while let chunk = unsafe popFree() { unsafe chunk.deallocate() }
        unsafe bulkChunk?.deallocate()
    }

    func take() -> UnsafeMutableRawPointer {
        if let chunk = unsafe popFree() { return unsafe chunk }
        return .allocate(byteCount: Self.chunkByteCount, alignment: 64)
    }

    func give(_ chunk: UnsafeMutableRawPointer) {
        guard freeCount < Self.keptCount else { return unsafe chunk.deallocate() }
        unsafe chunk.storeBytes(of: free, as: UnsafeMutableRawPointer?.self)
        unsafe free = unsafe chunk
        freeCount += 1
    }

    private func popFree() -> UnsafeMutableRawPointer? {
        guard let chunk = unsafe free else { return nil }
        unsafe free = unsafe chunk.load(as: UnsafeMutableRawPointer?.self)
        freeCount -= 1
        return unsafe chunk
    }

    /// One large buffer for big bodies, used within a single call and shared by all streams.
    func bulk() -> UnsafeMutableRawPointer {
        if let chunk = unsafe bulkChunk { return unsafe chunk }
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: Self.bulkByteCount, alignment: 64)
        unsafe bulkChunk = unsafe chunk
        return unsafe chunk
    }
}
