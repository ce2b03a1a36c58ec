import Base
import System

/// The bytes of one connection: a stream, and TLS on top of it when it has begun.
///
/// Received bytes lie in the stream's buffer either way, so that parsers look at one place.
final class Transport {
    let stream: Stream

    init(_ stream: Stream) { self.stream = stream }

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
        try await stream.fill(until: deadline)
    }

    /// Moves received and then fresh bytes to the end of `bytes`; 0 when the peer closed its side.
    func read(
        appendingTo bytes: inout [UInt8],
        atMost limit: Int,
        until deadline: Instant
    ) async throws(StreamError) -> Int {
        try await stream.read(appendingTo: &bytes, atMost: limit, until: deadline)
    }

    /// Sends, and waits while too much is unsent.
    @inline(__always)
    func write(_ bytes: [UInt8]) async throws(StreamError) { try await stream.write(bytes) }

    /// Sends two pieces as one.
    func write(_ first: [UInt8], _ second: [UInt8]) async throws(StreamError) {
        try await stream.write(first, second)
    }

    func close() { stream.close() }
}
