import Base
import Crypto
import System

/// The bytes of one connection: a stream, and TLS on top of it when it was secured.
///
/// Decrypted bytes lie in the stream's own buffer, so that parsers look at one place and the plain
/// case costs one look at an optional.
final class Transport {
    let stream: Stream
    private var session: TLSSession?
    /// What ended the TLS session, thrown by every later read.
    private var broken: StreamError?
    private var hasEnded = false

    init(_ stream: Stream) { self.stream = stream }

    /// Makes the connection secure before its first byte; throws a `TLSError` or a `StreamError`.
    func secure(_ session: TLSSession, until deadline: Instant) async throws {
        // A fill decrypts at most what lay in the buffer and the rest of one record.
        stream.receiveLimit = 128 << 10
        var received = 0
        while true {
            let isDone: Bool
            do throws(TLSError) {
                isDone = try session.handshake()
            } catch {
                // An alert tells the peer why; whether it arrives does not matter any more.
                try? stream.send(session.takeOutput())
                throw error
            }
            try stream.send(session.takeOutput())
            if isDone { break }
            // What somebody has looked at before, such as a greeting, lies there already.
            if stream.availableCount == 0, try await stream.fill(until: deadline) == 0 {
                throw TLSError.endedEarly
            }
            received += stream.availableCount
            guard received <= Limits.handshakeByteCount else {
                throw TLSError.failed(reason: "the handshake is larger than any should be")
            }
            try session.input(stream.take(stream.availableCount))
        }
        self.session = session
    }

    /// Whether both sides agreed on HTTP/2 in their handshake.
    var speaksHTTP2: Bool { session?.speaksHTTP2 ?? false }

    /// Shows the received bytes; valid inside the closure only.
    @inline(__always)
    func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Bytes are always aligned and bound as bytes; nothing is read or consumed in the closure.
        try unsafe body(stream.unread.assumingMemoryBound(to: UInt8.self).span)
    }

    /// Reads once without waiting: the path of every call, so it suspends nothing.
    @inline(__always)
    func receiveNow() -> ReadOutcome {
        guard let session else { return stream.readNow() }
        return receiveNow(session)
    }

    /// Waits until `receiveNow` may bring something, in the caller's own function: of the steps of
    /// `Stream.readable`.
    @inline(__always)
    func readable(until deadline: Instant) async throws(StreamError) {
        stream.releaseBuffer()
        while try stream.mustWait {
            await unsafe withUnsafeContinuation { unsafe stream.hold($0, until: deadline) }
            try stream.endWait()
        }
    }

    /// Waits until bytes come; 0 when the peer closed its side.
    func fill(until deadline: Instant) async throws(StreamError) -> Int {
        while true {
            switch receiveNow() {
            case .bytes(let count): return count
            case .end: return 0
            case .failed(let error): throw error
            case .wouldBlock: try await stream.readable(until: deadline)
            }
        }
    }

    /// Waits until the stream has, or will give at once, bytes or its end; false when the end is
    /// known already.
    func arrival(until deadline: Instant) async throws(StreamError) -> Bool {
        guard stream.availableCount == 0 else { return true }
        // What TLS has decrypted, or may have to, lies in the stream's buffer afterwards.
        if session != nil { return try await fill(until: deadline) > 0 }
        try await stream.readable(until: deadline)
        return true
    }

    /// Whether nothing came since the last read: no byte, no end.
    ///
    /// For a connection that was idle.
    var isQuiet: Bool {
        guard stream.availableCount == 0, !stream.isPeerClosed, !hasEnded else { return false }
        if case .wouldBlock = receiveNow() { return true }
        return false
    }

    /// Sends without waiting; what the kernel does not take is queued.
    @inline(__always)
    func send(_ bytes: [UInt8]) throws(StreamError) {
        guard let session else { return try stream.send(bytes) }
        try send(bytes, session)
    }

    /// Whether so much is unsent that the sender should wait with `drain`.
    @inline(__always)
    var isBackedUp: Bool { stream.isBackedUp }

    /// Waits until half of what may wait unsent is left.
    func drain() async throws(StreamError) { try await stream.drained(to: stream.highWater / 2) }

    /// Sends two pieces as one.
    func send(_ first: [UInt8], _ second: [UInt8]) throws(StreamError) {
        guard let session else { return try stream.send(first, second) }
        try send(first, session)
        try send(second, session)
    }

    /// Says that nothing more comes from us; reading goes on.
    func finish() throws(StreamError) {
        if let session {
            session.close()
            try stream.send(session.takeOutput())
        }
        try stream.finish()
    }

    func close() {
        if let session, !stream.isClosed {
            session.close()
            try? stream.send(session.takeOutput())
        }
        stream.close()
    }

    // MARK: TLS

    private func send(_ bytes: [UInt8], _ session: TLSSession) throws(StreamError) {
        do throws(TLSError) {
            try session.write(bytes)
        } catch { throw fail(error) }
        try stream.send(session.takeOutput())
    }

    /// Cipher text is taken whole from the stream's buffer, so what is in there is plain text: it
    /// is put aside while more is read, and back in front of what that brought.
    private func receiveNow(_ session: TLSSession) -> ReadOutcome {
        if let broken { return .failed(broken) }
        var plain = stream.availableCount > 0 ? stream.take(stream.availableCount) : []
        let before = plain.count
        var outcome = ReadOutcome.wouldBlock
        do throws(StreamError) {
            try decrypt(session, to: &plain)
            while plain.count == before, !hasEnded, case .bytes = next(&outcome) {
                try session.takeIn(stream, else: fail)
                try decrypt(session, to: &plain)
            }
        } catch { outcome = .failed(error) }
        if !stream.isClosed, !stream.prepend(plain) { return .failed(.receiveLimitReached) }
        if plain.count > before { return .bytes(plain.count - before) }
        if hasEnded { return .end }
        // Without close_notify nobody knows whether something was cut off (RFC 8446 section 6.1).
        if case .end = outcome { return .failed(fail(.truncated)) }
        return outcome
    }

    private func next(_ outcome: inout ReadOutcome) -> ReadOutcome {
        outcome = stream.readNow()
        return outcome
    }

    /// Decrypts all that the session can, to the end of `plain`.
    private func decrypt(
        _ session: TLSSession,
        to plain: inout [UInt8]
    ) throws(StreamError) {
        do throws(TLSError) {
            reading: while !hasEnded, plain.count < 64 << 10 {
                switch try session.read(appendingTo: &plain) {
                case .bytes: continue
                case .needsInput: break reading
                case .ended: hasEnded = true
                }
            }
        } catch { throw fail(error) }
        let answer = session.takeOutput()
        if !answer.isEmpty { try stream.send(answer) }
    }

    private func fail(_ error: TLSError) -> StreamError {
        let failure = StreamError.failed(
            SystemError(call: "TLS", code: Errno.protocolError, subject: error.description)
        )
        broken = failure
        return failure
    }
}

extension TLSSession {
    /// Takes all cipher text the stream holds.
    fileprivate func takeIn(
        _ stream: Stream,
        else fail: (TLSError) -> StreamError
    ) throws(StreamError) {
        do throws(TLSError) {
            try input(stream.take(stream.availableCount))
        } catch { throw fail(error) }
    }
}
