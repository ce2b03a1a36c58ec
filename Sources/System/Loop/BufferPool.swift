/// Receive buffers that are lent to connections while bytes are in them.
///
/// Ten thousand idle connections hold none. Loop thread only. Safe: chunks are owned by the free list
/// or by the one stream they were lent to, and all have the length `chunkByteCount`.
@safe
final class BufferPool {
    static let chunkByteCount = 16 << 10
    /// More than this many free chunks (2 MiB) go back to the allocator.
    private static let keptCount = 128
    static let bulkByteCount = 256 << 10

    private var free: [UnsafeMutableRawPointer] = unsafe []
    private var bulkChunk: UnsafeMutableRawPointer?

    deinit {
        while let chunk = unsafe free.popLast() { unsafe chunk.deallocate() }
        unsafe bulkChunk?.deallocate()
    }

    func take() -> UnsafeMutableRawPointer {
        if let chunk = unsafe free.popLast() { return unsafe chunk }
        return .allocate(byteCount: Self.chunkByteCount, alignment: 64)
    }

    func give(_ chunk: UnsafeMutableRawPointer) {
        if unsafe free.count < Self.keptCount {
            unsafe free.append(chunk)
        } else {
            unsafe chunk.deallocate()
        }
    }

    /// One large buffer for big bodies, used within a single call and shared by all streams.
    func bulk() -> UnsafeMutableRawPointer {
        if let chunk = unsafe bulkChunk { return unsafe chunk }
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: Self.bulkByteCount, alignment: 64)
        unsafe bulkChunk = unsafe chunk
        return unsafe chunk
    }
}
