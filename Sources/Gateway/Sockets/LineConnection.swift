package import System

/// A peer on a local socket that sends and gets lines.
package actor LineConnection {
    private let loop: EventLoop
    private let stream: System.Stream
    private let limit: Int

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// - Parameter limit: the longest line in bytes; a longer one ends the connection.
    package init(_ stream: sending System.Stream, limit: Int, loop: EventLoop) {
        self.loop = loop
        self.stream = stream
        self.limit = limit
        // With the newline; the stream rounds it up, so that each line is measured besides.
        stream.receiveLimit = limit + 1
    }

    /// The peer's process as the kernel knows it.
    package func peer() -> PeerCredentials? { try? stream.peerCredentials() }

    /// The next line without its end; nil when the peer closed, broke a limit or was closed here.
    package func next() async -> [UInt8]? {
        var searched = 0
        while true {
            let found: Int? = stream.withBytes { bytes in
                for index in searched..<bytes.byteCount
                where unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) == 0x0a {
                    return index
                }
                return nil
            }
            if let found {
                guard found <= limit else { return nil }
                let line = stream.take(found)
                stream.consume(1)
                return line
            }
            searched = stream.availableCount
            guard searched <= limit else { return nil }
            guard let count = try? await stream.fill(), count > 0 else { return nil }
        }
    }

    /// Sends a line; false when the peer is gone.
    @discardableResult
    package func send(_ line: [UInt8]) async -> Bool {
        (try? await stream.write(line, [0x0a])) != nil
    }

    /// Runs `body` once when the peer goes away.
    package func onHangUp(_ body: @escaping @Sendable () -> Void) { stream.onHangUp = body }

    /// Says that nothing more will be sent; what comes back is still read.
    package func finishSending() { try? stream.finish() }

    package func close() { stream.close() }
}
