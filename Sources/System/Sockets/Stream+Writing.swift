package import Base
import CLinux

extension Stream {
    /// Bytes that wait for the kernel to take them.
    package var unsentCount: Int { outgoing.byteCount }

    /// Whether so much is unsent that the sender should wait with `drained`.
    package var isBackedUp: Bool {
        let count = outgoing.byteCount
        return count > 0 && count > highWater
    }

    /// Hands the bytes over without waiting; a socket's go to the kernel at the end of the loop's turn.
    ///
    /// What other connections of the same turn send goes with them: a process that sleeps at the
    /// other end, or that serves several of them, is woken once. A pipe, and more than
    /// `deferredByteCount`, is given to the kernel at once. What the kernel does not take is queued.
    ///
    /// Throws when the stream is broken or more than `sendLimit` would wait. A write that breaks
    /// the stream throws here or at the next call.
    package func send(_ bytes: [UInt8]) throws(StreamError) {
        try checkSending(bytes.count)
        guard !deferred(bytes.count) else { return enqueue(bytes) }
        guard outgoing.isEmpty, isWritable, !bytes.isEmpty else { return enqueue(bytes) }
        let sent = unsafe bytes.withUnsafeBytes { unsafe writeOnce($0) }
        try settle(sent, of: bytes.count) { taken in enqueue(bytes, after: taken) }
    }

    /// The same with two pieces, such as a head and a body; they go by one system call.
    package func send(_ first: [UInt8], _ second: [UInt8]) throws(StreamError) {
        guard !first.isEmpty else { return try send(second) }
        guard !second.isEmpty else { return try send(first) }
        let total = first.count + second.count
        try checkSending(total)
        guard !deferred(total), outgoing.isEmpty, isWritable else {
            enqueue(first)
            return enqueue(second)
        }
        let sent = unsafe first.withUnsafeBytes { head in
            unsafe second.withUnsafeBytes { body in
                unsafe SendQueue.write(head, body, to: openNumber, isSocket: kind == .socket)
            }
        }
        try settle(sent, of: total) { taken in
            if taken < first.count {
                enqueue(first, after: taken)
                enqueue(second)
            } else {
                enqueue(second, after: taken - first.count)
            }
        }
    }

    /// Sends bytes somebody else owns; only what the kernel does not take is copied.
    package func send(_ bytes: RawSpan) throws(StreamError) {
        try checkSending(bytes.byteCount)
        let count = bytes.byteCount
        guard outgoing.isEmpty, isWritable, count > 0 else {
            return enqueue(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
        }
        let sent = unsafe bytes.withUnsafeBytes { unsafe writeOnce($0) }
        try settle(sent, of: count) { taken in
            enqueue(unsafe bytes.withUnsafeBytes { unsafe Array($0.dropFirst(taken)) })
        }
    }

    /// Sends and, when more than `highWater` waits unsent, waits until the peer took it.
    package func write(_ bytes: [UInt8]) async throws(StreamError) {
        try send(bytes)
        if unsentCount > highWater { try await drained(to: highWater / 2) }
    }

    /// Sends two pieces by one system call, then as `write`.
    package func write(_ first: [UInt8], _ second: [UInt8]) async throws(StreamError) {
        try send(first, second)
        if unsentCount > highWater { try await drained(to: highWater / 2) }
    }

    /// Whether bytes wait for the end of the turn; arranges it for the first.
    private func deferred(_ count: Int) -> Bool {
        guard isWritable, kind == .socket, count > 0, unsentCount + count <= Self.deferredByteCount
        else { return giveDeferred() }
        if !isDeferred {
            isDeferred = true
            loop.sendAtTurnsEnd(self)
        }
        return true
    }

    /// What waits for the end of the turn goes to the kernel before what follows it.
    @discardableResult
    func giveDeferred() -> Bool {
        if isDeferred {
            isDeferred = false
            flush()
        }
        return false
    }

    /// Waits until at most `count` bytes are unsent; by default, until all are with the kernel.
    ///
    /// Ends with `.timedOut` when the peer takes nothing for `writeTimeout`.
    package func drained(to count: Int = 0) async throws(StreamError) {
        while true {
            if let ending { throw ending }
            guard unsentCount > count else { return }
            await unsafe withUnsafeContinuation {
                unsafe hold($0, unless: unsentCount <= count || ending != nil)
            }
        }
    }

    /// Waits until the descriptor takes bytes again.
    package func writable(until deadline: Instant? = nil) async throws(StreamError) {
        while !isWritable {
            if let ending { throw ending }
            writeDeadline = deadline?.nanoseconds ?? progressDeadline
            watchDeadline(writeDeadline)
            await unsafe withUnsafeContinuation {
                unsafe hold($0, unless: isWritable || ending != nil)
            }
        }
        if let ending { throw ending }
    }

    /// Says that nothing more comes from us, once everything queued is sent; reading goes on.
    package func finish() throws(StreamError) {
        if let ending { throw ending }
        finishesAfterDrain = true
        if outgoing.isEmpty { shutDownWriting() }
    }

    // MARK: Inside

    private func hold(_ continuation: UnsafeContinuation<Void, Never>, unless isOver: Bool) {
        var waiter = Waiter()
        unsafe waiter.hold(continuation, unless: isOver)
        if waiter.isWaiting { writers.append(waiter) }
    }

    private func checkSending(_ count: Int) throws(StreamError) {
        if let ending { throw ending }
        guard !isClosed, !finishesAfterDrain else { throw .closed }
        guard count <= unsentLimit - unsentCount else { throw .sendLimitReached }
    }

    /// Queues bytes of which the kernel took `taken` already (then nothing else is queued).
    private func enqueue(_ bytes: [UInt8], after taken: Int = 0) {
        guard bytes.count > taken else { return }
        if outgoing.isEmpty {
            writeDeadline = progressDeadline
            if !isDeferred { watchDeadline(writeDeadline) }
        }
        var queue = takeQueue()
        if queue.isEmpty { queue.begin(bytes, after: taken) } else { queue.append(bytes) }
        outgoing = queue
    }

    /// The queue, to be put back changed; meanwhile none is here, so that nothing is copied.
    private func takeQueue() -> SendQueue {
        var queue = SendQueue()
        swap(&queue, &outgoing)
        return queue
    }

    private var progressDeadline: UInt64 {
        loop.now.advanced(by: writeTimeout).nanoseconds
    }

    private func writeOnce(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        return kind == .socket
            ? unsafe cgate_send(openNumber, base, bytes.count)
            : unsafe cgate_write(openNumber, base, bytes.count)
    }

    /// Deals with the result of a write: all, a part (`queueRest` keeps the other), or an error.
    private func settle(
        _ sent: Int,
        of total: Int,
        queueRest: (_ taken: Int) -> Void
    ) throws(StreamError) {
        if sent == total { return }
        if sent >= 0 || -sent == Int(Errno.again) {
            isWritable = false
            return queueRest(max(0, sent))
        }
        fail(.failed(SystemError(call: "write", code: CInt(truncatingIfNeeded: -sent))))
        throw ending ?? .closed
    }

    /// Sends from the queue until the kernel is full or nothing is left.
    func flush() {
        var queue = takeQueue()
        while !queue.isEmpty {
            let sent = queue.write(to: openNumber, isSocket: kind == .socket)
            if sent == -Int(Errno.again) || sent == 0 {
                isWritable = false
                watchDeadline(writeDeadline)
                break
            }
            guard sent > 0 else {
                let code = CInt(truncatingIfNeeded: -sent)
                return fail(.failed(SystemError(call: "write", code: code)))
            }
            queue.advance(by: sent)
            if !queue.isEmpty { writeDeadline = progressDeadline }
        }
        outgoing = queue
        if outgoing.isEmpty, finishesAfterDrain { shutDownWriting() }
        resumeWriters()
    }

    private func shutDownWriting() {
        switch kind {
        case .socket: _ = cgate_shutdown_write(number)
        case .pipe: close()
        }
    }
}
