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
            guard try await stream.fill(until: deadline) > 0 else {
                throw TLSError.failed(reason: "the connection ended during the handshake")
            }
            try session.input(stream.take(stream.availableCount))
        }
        self.session = session
    }

    /// Shows the received bytes; valid inside the closure only.
    @inline(__always)
    func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try stream.withBytes { raw throws(Failure) in
            try unsafe raw.withUnsafeBytes { buffer throws(Failure) in
                // Bytes are always aligned and bound as bytes.
                try unsafe body(buffer.assumingMemoryBound(to: UInt8.self).span)
            }
        }
    }

    /// Waits until bytes come; 0 when the peer closed its side.
    @inline(__always)
    func fill(until deadline: Instant) async throws(StreamError) -> Int {
        guard let session else { return try await stream.fill(until: deadline) }
        return try await fill(session, until: deadline)
    }

    /// Moves received and then fresh bytes to the end of `bytes`; 0 when the peer closed its side.
    func read(
        appendingTo bytes: inout [UInt8],
        atMost limit: Int,
        until deadline: Instant
    ) async throws(StreamError) -> Int {
        if session != nil, stream.availableCount == 0 {
            guard try await fill(until: deadline) > 0 else { return 0 }
        }
        return try await stream.read(appendingTo: &bytes, atMost: limit, until: deadline)
    }

    /// Whether nothing came since the last read: no byte, no end.
    ///
    /// For a connection that was idle.
    var isQuiet: Bool {
        guard stream.availableCount == 0, !stream.isPeerClosed, !hasEnded else { return false }
        guard let session else { return stream.readNow() == .wouldBlock }
        // A ticket or a key update may come at any time; an end or data may not.
        switch stream.readNow() {
        case .wouldBlock: return true
        case .bytes: return (try? decrypt(session)) == 0 && !hasEnded
        case .end, .failed: return false
        }
    }

    /// Sends, and waits while too much is unsent.
    @inline(__always)
    func write(_ bytes: [UInt8]) async throws(StreamError) {
        guard let session else { return try await stream.write(bytes) }
        do throws(TLSError) {
            try session.write(bytes)
        } catch { throw fail(error) }
        try await stream.write(session.takeOutput())
    }

    /// Sends two pieces as one.
    func write(_ first: [UInt8], _ second: [UInt8]) async throws(StreamError) {
        guard session != nil else { return try await stream.write(first, second) }
        try await write(first)
        try await write(second)
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

    private func fill(
        _ session: TLSSession,
        until deadline: Instant
    ) async throws(StreamError) -> Int {
        if let broken { throw broken }
        // Cipher text is taken whole from the buffer, so what is in there is plain text: it is put
        // aside while more is read behind it.
        let before = stream.availableCount > 0 ? stream.take(stream.availableCount) : []
        while true {
            let count = try decrypt(session, before)
            if count > 0 { return count }
            if hasEnded { return 0 }
            do throws(StreamError) {
                if try await stream.fill(until: deadline) == 0 { throw fail(.truncated) }
            } catch {
                if !before.isEmpty, !stream.isClosed { _ = stream.prepend(before) }
                throw error
            }
        }
    }

    /// Decrypts what the stream holds and puts it, behind `before`, in its place.
    private func decrypt(
        _ session: TLSSession,
        _ before: [UInt8] = []
    ) throws(StreamError) -> Int {
        var plain = before
        do throws(TLSError) {
            if stream.availableCount > 0 {
                try session.input(stream.take(stream.availableCount))
            }
            reading: while !hasEnded {
                switch try session.read(appendingTo: &plain) {
                case .bytes: if plain.count >= 64 << 10 { break reading }
                case .needsInput: break reading
                case .ended: hasEnded = true
                }
            }
        } catch { throw fail(error) }
        let answer = session.takeOutput()
        if !answer.isEmpty { try stream.send(answer) }
        let count = plain.count - before.count
        if count > 0 || hasEnded {
            guard stream.prepend(plain) else { throw .receiveLimitReached }
        }
        return count
    }

    private func fail(_ error: TLSError) -> StreamError {
        let failure = StreamError.failed(
            SystemError(call: "TLS", code: Errno.protocolError, subject: error.description)
        )
        broken = failure
        return failure
    }
}
