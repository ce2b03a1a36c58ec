import CLinux

/// Bytes the kernel did not take yet, in order.
struct SendQueue {
    private static let joinedByteCount = 64 << 10
    /// The first piece that is not sent whole, and how much of it is; most often the only one.
    private var first: [UInt8] = []
    private var offset = 0
    private var others: ContiguousArray<[UInt8]> = []
    /// The first of the others that is not `first` already.
    private var next = 0
    private(set) var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    /// Adds bytes behind the others.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if byteCount == 0 { first = bytes } else { others.append(bytes) }
        byteCount += bytes.count
    }

    /// Adds bytes of which the first `sent` are sent already, to an empty queue; nothing is copied.
    mutating func begin(_ bytes: [UInt8], after sent: Int) {
        append(bytes)
        if sent > 0 { advance(by: sent) }
    }

    /// Forgets `count` bytes from the front; they were sent.
    mutating func advance(by count: Int) {
        byteCount -= count
        guard byteCount > 0 else {
            first = []
            offset = 0
            next = 0
            if !others.isEmpty { others.removeAll(keepingCapacity: others.count <= 16) }
            return
        }
        offset += count
        while offset >= first.count {
            offset -= first.count
            first = others[next]
            others[next] = []
            next += 1
        }
        if next >= 64 {
            others.removeFirst(next)
            next = 0
        }
    }

    /// One write of as much as the kernel takes: the bytes written or a negative errno.
    func write(to number: CInt, isSocket: Bool) -> Int {
        let count = others.count - next
        if count == 1 { return writeTwo(to: number, isSocket: isSocket) }
        guard count == 0 || first.count - offset >= Self.joinedByteCount else {
            return writeJoined(to: number, isSocket: isSocket)
        }
        return unsafe first.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let (start, length) = unsafe (base + offset, bytes.count - offset)
            return isSocket
                ? unsafe cgate_send(number, start, length)
                : unsafe cgate_write(number, start, length)
        }
    }

    /// A head and a body, the usual two, as they are.
    private func writeTwo(to number: CInt, isSocket: Bool) -> Int {
        unsafe first.withUnsafeBytes { head in
            unsafe others[next].withUnsafeBytes { body in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: head.dropFirst(offset))
                return unsafe Self.write(rest, body, to: number, isSocket: isSocket)
            }
        }
    }

    /// One write of two pieces: the bytes written or a negative errno.
    static func write(
        _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer,
        to number: CInt,
        isSocket: Bool
    ) -> Int {
        var pieces = unsafe (
            cgate_piece(base: first.baseAddress, length: first.count),
            cgate_piece(base: second.baseAddress, length: second.count)
        )
        return unsafe withUnsafeBytes(of: &pieces) { raw in
            let typed = unsafe raw.assumingMemoryBound(to: cgate_piece.self)
            guard let base = typed.baseAddress else { return 0 }
            return unsafe cgate_write_pieces(number, isSocket ? 1 : 0, base, 2)
        }
    }

    /// Small pieces joined for one call: copying is cheaper than a call for each.
    private func writeJoined(to number: CInt, isSocket: Bool) -> Int {
        var joined: [UInt8] = []
        var skipped = offset
        for index in next - 1..<others.count {
            let piece = index < next ? first : others[index]
            let room = Self.joinedByteCount - joined.count
            joined.append(contentsOf: piece.dropFirst(skipped).prefix(room))
            // A piece that was cut ends the batch, or the next would follow out of order.
            guard piece.count - skipped < room else { break }
            skipped = 0
        }
        return unsafe joined.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            return isSocket
                ? unsafe cgate_send(number, base, bytes.count)
                : unsafe cgate_write(number, base, bytes.count)
        }
    }
}
