package import Base
package import System

/// A peer on a local socket that sends and gets lines.
package actor LineConnection {
    private let loop: EventLoop
    private let stream: System.Stream
    private let limit: Int

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// - Parameter limit: the longest line in bytes, without its end.
    package init(_ stream: sending System.Stream, limit: Int, loop: EventLoop) {
        self.loop = loop
        self.stream = stream
        self.limit = limit
        // With the newline; the stream rounds it up, so that each line is measured besides.
        stream.receiveLimit = limit + 1
    }

    /// The peer's process as the kernel knows it.
    package func peer() -> PeerCredentials? { try? stream.peerCredentials() }

    package enum Line: Sendable, Equatable {
        case text([UInt8])
        /// Over the limit.
        case tooLong
    }

    /// The next line without its end; nil when the peer closed, sent a line over the limit, was
    /// closed here, or sent nothing up to `deadline`.
    package func next(until deadline: Instant? = nil) async -> [UInt8]? {
        guard case .text(let line) = await nextLine(skippingLong: false, until: deadline) else {
            return nil
        }
        return line
    }

    /// The next line; nil when the peer closed or was closed here.
    ///
    /// A line over the limit is read to its end and dropped, so that the one after it can be read;
    /// no more of it than the limit is ever held.
    package func nextLine() async -> Line? { await nextLine(skippingLong: true) }

    private func nextLine(skippingLong: Bool, until deadline: Instant? = nil) async -> Line? {
        var searched = 0
        var isTooLong = false
        while true {
            let found: Int? = stream.withBytes { bytes in
                for index in searched..<bytes.byteCount
                where unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) == 0x0a {
                    return index
                }
                return nil
            }
            if let found {
                if isTooLong || found > limit {
                    stream.consume(found + 1)
                    return .tooLong
                }
                let line = stream.take(found)
                stream.consume(1)
                return .text(line)
            }
            searched = stream.availableCount
            if isTooLong || searched > limit {
                guard skippingLong else { return .tooLong }
                isTooLong = true
                stream.consume(searched)
                searched = 0
            }
            guard let count = try? await stream.fill(until: deadline), count > 0 else { return nil }
        }
    }

    /// Sends a line; false when the peer is gone.
    @discardableResult
    package func send(_ line: [UInt8]) async -> Bool {
        (try? await stream.write(line, [0x0a])) != nil
    }

    /// What came next, whether or not it is whole lines; nil when the peer closed.
    package func nextBytes() async -> [UInt8]? {
        if stream.availableCount == 0 {
            guard let count = try? await stream.fill(), count > 0 else { return nil }
        }
        return stream.take(stream.availableCount)
    }

    /// Sends bytes as they are; false when the peer is gone.
    package func send(bytes: [UInt8]) async -> Bool { (try? await stream.write(bytes)) != nil }

    /// Runs `body` once when the peer goes away.
    package func onHangUp(_ body: @escaping @Sendable () -> Void) { stream.onHangUp = body }

    /// Says that nothing more will be sent; what comes back is still read.
    package func finishSending() { try? stream.finish() }

    package func close() { stream.close() }

    /// Closes when all that was sent is with the peer's socket, or the peer takes nothing of it for too
    /// long; another `close` ends the wait.
    package func closeWhenSent() async {
        try? await stream.drained()
        stream.close()
    }
}
