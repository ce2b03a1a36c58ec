import CLinux

/// Bytes the kernel did not take yet, in order.
struct SendQueue {
    private var pieces: ContiguousArray<[UInt8]> = []
    /// The first piece that is not sent, and how much of it is.
    private var first = 0
    private var offset = 0
    private(set) var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        pieces.append(bytes)
        byteCount += bytes.count
    }

    mutating func removeAll() {
        pieces = []
        first = 0
        offset = 0
        byteCount = 0
    }

    /// Forgets `count` bytes from the front; they were sent.
    mutating func advance(by count: Int) {
        byteCount -= count
        var rest = count + offset
        while first < pieces.count, rest >= pieces[first].count {
            rest -= pieces[first].count
            pieces[first] = []
            first += 1
        }
        offset = rest
        if byteCount == 0 {
            pieces.removeAll(keepingCapacity: pieces.count <= 16)
            first = 0
            offset = 0
        } else if first >= 64 {
            pieces.removeFirst(first)
            first = 0
        }
    }

    /// One write of as much as the kernel takes: the bytes written or a negative errno.
    func write(to number: CInt, isSocket: Bool) -> Int {
        guard first < pieces.count else { return 0 }
        if first + 1 == pieces.count {
            return unsafe pieces[first].withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return 0 }
                let (start, length) = unsafe (base + offset, bytes.count - offset)
                return isSocket
                    ? unsafe cgate_send(number, start, length)
                    : unsafe cgate_write(number, start, length)
            }
        }
        return writeSeveral(to: number, isSocket: isSocket)
    }

    /// The next pieces joined by one writev; small ones only, a large one goes alone.
    private func writeSeveral(to number: CInt, isSocket: Bool) -> Int {
        var joined: [UInt8] = []
        var index = first
        var skipped = offset
        while index < pieces.count, joined.count < 64 << 10 {
            joined.append(contentsOf: pieces[index].dropFirst(skipped).prefix(64 << 10))
            // A piece that was cut ends the batch, or the next would follow out of order.
            guard pieces[index].count - skipped <= 64 << 10 else { break }
            skipped = 0
            index += 1
        }
        return unsafe joined.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            return isSocket
                ? unsafe cgate_send(number, base, bytes.count)
                : unsafe cgate_write(number, base, bytes.count)
        }
    }
}
