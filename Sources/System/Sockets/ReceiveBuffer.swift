import CLinux

/// Received bytes nobody took yet: a chunk lent by the loop's pool, or a larger one of its own.
///
/// Safe: `start` is null or points to `capacity` bytes owned by this value, and
/// 0 <= head <= tail <= capacity holds after every call.
@safe
struct ReceiveBuffer {
    private(set) var start: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private(set) var head = 0
    private(set) var tail = 0

    var count: Int { tail - head }
    /// Whether it has room from the pool, or of its own, at the moment.
    var isHeld: Bool { unsafe start != nil }

    /// Makes room for at least one more byte; false when that would pass `limit`.
    mutating func makeRoom(limit: Int, pool: BufferPool) -> Bool {
        guard let old = unsafe start else {
            unsafe start = unsafe pool.take()
            capacity = BufferPool.chunkByteCount
            head = 0
            tail = 0
            return true
        }
        if head == tail {
            head = 0
            tail = 0
        }
        if tail < capacity { return true }
        // A front half that was taken: move up. Less would make slow readers copy all the time.
        if head >= capacity / 2 {
            unsafe old.copyMemory(from: old + head, byteCount: count)
            tail -= head
            head = 0
            return true
        }
        guard count < limit else { return false }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 64)
        unsafe larger.copyMemory(from: old + head, byteCount: count)
        tail -= head
        head = 0
        giveBack(to: pool)
        unsafe start = unsafe larger
        capacity *= 2
        return true
    }

    /// Reads into the free part; call `makeRoom` before.
    mutating func read(from number: CInt) -> (result: Int, hasFilled: Bool) {
        guard let start = unsafe start, tail < capacity else { return (0, true) }
        let room = capacity - tail
        let result = unsafe cgate_read(number, start + tail, room)
        if result > 0 { tail += result }
        return (result, result == room)
    }

    mutating func consume(_ amount: Int) {
        precondition(amount >= 0 && amount <= count, "consumed more than was received")
        head += amount
    }

    /// The first bytes as an array; they are dropped.
    mutating func take(_ amount: Int) -> [UInt8] {
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(rebasing: unread.prefix(amount)))
        consume(amount)
        return bytes
    }

    mutating func append(_ bytes: [UInt8], limit: Int, pool: BufferPool) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard makeRoom(limit: limit, pool: pool), let start = unsafe start else { return false }
            let part = rest.prefix(capacity - tail)
            unsafe part.withUnsafeBytes { source in
                guard let base = source.baseAddress else { return }
                unsafe (start + tail).copyMemory(from: base, byteCount: source.count)
            }
            tail += part.count
            rest = rest.dropFirst(part.count)
        }
        return true
    }

    /// An idle connection holds no buffer.
    mutating func release(to pool: BufferPool) {
        giveBack(to: pool)
        unsafe start = nil
        capacity = 0
        head = 0
        tail = 0
    }

    private func giveBack(to pool: BufferPool) {
        guard let start = unsafe start else { return }
        if capacity == BufferPool.chunkByteCount {
            unsafe pool.give(start)
        } else {
            unsafe start.deallocate()
        }
    }

    var unread: UnsafeRawBufferPointer {
        guard let start = unsafe start else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe UnsafeRawBufferPointer(start: start + head, count: count)
    }
}
