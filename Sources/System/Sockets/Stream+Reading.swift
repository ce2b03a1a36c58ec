package import Base
import CLinux

/// What one attempt to read brought.
package enum ReadOutcome: Equatable, Sendable {
    /// So many bytes more; never 0.
    case bytes(Int)
    /// Nothing is there now; wait with `fill` or `readable`.
    case wouldBlock
    /// The peer closed its side in order.
    case end
    /// The stream broke, was closed, or `receiveLimit` is reached.
    case failed(StreamError)
}

extension Stream {
    /// Received bytes nobody consumed; they stay until `consume`.
    package var availableCount: Int { buffer.count }

    /// Shows the received bytes; valid inside the closure only.
    @inline(__always)
    package func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(buffer.unread.bytes)
    }

    /// The received bytes, valid until the stream is next read, consumed from or closed.
    @inline(__always)
    package var unread: UnsafeRawBufferPointer { unsafe buffer.unread }

    /// Takes the first `count` received bytes as an array.
    package func take(_ count: Int) -> [UInt8] {
        var received = buffer
        let taken = received.take(min(count, received.count))
        buffer = received
        return taken
    }

    /// Drops bytes from the front of what was received.
    package func consume(_ count: Int) {
        var received = buffer
        received.consume(count)
        buffer = received
    }

    /// Puts bytes in front of everything yet to be received, when nothing is buffered: what a
    /// layer below (TLS) decoded, or what was read past a boundary.
    package func prepend(_ bytes: [UInt8]) -> Bool {
        guard !isClosed, buffer.count == 0 else { return bytes.isEmpty }
        var received = buffer
        let hasRoom = received.append(bytes, limit: unreadLimit, pool: loop.buffers)
        buffer = received
        return hasRoom
    }

    /// Reads once without waiting.
    ///
    /// The fast path: no suspension, no allocation, one system call, and none at all when the last
    /// read left nothing behind.
    package func readNow() -> ReadOutcome {
        guard !isClosed else { return .failed(ending ?? .closed) }
        guard isReadable else { return .wouldBlock }
        var received = buffer
        guard received.makeRoom(limit: unreadLimit, pool: loop.buffers) else {
            return .failed(.receiveLimitReached)
        }
        let (result, hasFilled) = received.read(from: openNumber)
        buffer = received
        return noteRead(result, hasFilled: hasFilled)
    }

    /// Waits until bytes come and reads them; 0 when the peer closed its side.
    ///
    /// While it waits with nothing received, the stream holds no buffer.
    package func fill(until deadline: Instant? = nil) async throws(StreamError) -> Int {
        while true {
            switch readNow() {
            case .bytes(let count): return count
            case .end: return 0
            case .failed(let error): throw error
            case .wouldBlock: try await readable(until: deadline)
            }
        }
    }

    /// Moves received bytes, then fresh ones past the buffer, to the end of `bytes`, at most
    /// `limit`; waits when there is none.
    ///
    /// The number moved, 0 when the peer closed its side.
    package func read(
        appendingTo bytes: inout [UInt8],
        atMost limit: Int,
        until deadline: Instant? = nil
    ) async throws(StreamError) -> Int {
        while true {
            switch readNow(appendingTo: &bytes, atMost: limit) {
            case .bytes(let count): return count
            case .end: return 0
            case .failed(let error): throw error
            case .wouldBlock: try await readable(until: deadline)
            }
        }
    }

    /// The same without waiting; `limit` must be positive.
    package func readNow(appendingTo bytes: inout [UInt8], atMost limit: Int) -> ReadOutcome {
        guard !isClosed else { return .failed(ending ?? .closed) }
        guard limit > 0 else { return .wouldBlock }
        if buffer.count > 0 {
            let count = min(limit, buffer.count)
            unsafe bytes.append(contentsOf: buffer.unread.prefix(count))
            consume(count)
            return .bytes(count)
        }
        guard isReadable else { return .wouldBlock }
        let room = min(limit, BufferPool.bulkByteCount)
        let chunk = unsafe loop.buffers.bulk()
        let result = unsafe cgate_read(openNumber, chunk, room)
        if result > 0 {
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: chunk, count: result))
        }
        return noteRead(result, hasFilled: result == room)
    }

    private func noteRead(_ result: Int, hasFilled: Bool) -> ReadOutcome {
        if result > 0 {
            // A short read has emptied the kernel's buffer, the next byte is a new edge (epoll(7)).
            // After the peer closed no edge comes any more: keep reading until the end.
            if !hasFilled { isReadable = hasPeerClosed }
            return .bytes(result)
        }
        if result == 0 {
            hasPeerClosed = true
            return .end
        }
        let code = CInt(truncatingIfNeeded: -result)
        if code == Errno.again {
            isReadable = false
            return .wouldBlock
        }
        fail(.failed(SystemError(call: "read", code: code)))
        return .failed(ending ?? .closed)
    }

    /// Gives the buffer back where nothing is in it: who waits for something else than bytes, holds
    /// none meanwhile.
    package func releaseBuffer() {
        var received = buffer
        guard received.count == 0, received.isHeld else { return }
        received.release(to: loop.buffers)
        buffer = received
    }

    /// Waits until reading may bring something, without reading.
    package func readable(until deadline: Instant? = nil) async throws(StreamError) {
        releaseBuffer()
        while try mustWait {
            await unsafe withUnsafeContinuation { unsafe hold($0, until: deadline) }
            try endWait()
        }
    }

    // The steps of `readable`, for who waits in a function of its own and saves the switches of the
    // task that a call of another asynchronous function is.

    /// Whether reading can bring nothing now.
    package var mustWait: Bool {
        get throws(StreamError) {
            guard !isReadable else { return false }
            if let ending { throw ending }
            return true
        }
    }

    /// Keeps a task that waits for something to read; `endWait` follows when it goes on.
    package func hold(
        _ continuation: UnsafeContinuation<Void, Never>,
        until deadline: Instant?
    ) {
        readDeadline = deadline?.nanoseconds ?? .max
        watchDeadline(readDeadline)
        var waiting = reader
        unsafe waiting.hold(continuation, unless: isReadable || hasReadTimedOut || ending != nil)
        reader = waiting
    }

    /// Throws what ended the wait where it was not something to read.
    package func endWait() throws(StreamError) {
        if hasReadTimedOut {
            hasReadTimedOut = false
            throw .timedOut
        }
        if let ending { throw ending }
    }
}
