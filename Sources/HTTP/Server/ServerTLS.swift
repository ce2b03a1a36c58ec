import Base
package import Crypto
package import System

/// What a listener shows its clients; replaced as a whole while it serves.
///
/// A connection keeps what it began with.
package final class ServerTLS: Sendable {
    /// Handshakes since the start, by how they ended.
    package struct Tally: Sendable, Equatable {
        package var completed: UInt64 = 0
        /// The client and the gateway do not agree: no common version, a foreign certificate, no TLS.
        package var failed: UInt64 = 0
        package var timedOut: UInt64 = 0
        /// The client left before it was done, as a port probe does.
        package var left: UInt64 = 0
    }

    private struct State {
        var context: TLSContext
        var tally = Tally()
    }

    private let state: Lock<State>
    /// Whether clients may agree on HTTP/2 in their handshake.
    private let offersHTTP2: Bool
    /// Told of every handshake that failed or took too long; called on the loop.
    private let failed: @Sendable (SocketAddress, String) -> Void

    package init(
        _ context: TLSContext,
        offersHTTP2: Bool = false,
        failed: @escaping @Sendable (SocketAddress, String) -> Void = { _, _ in }
    ) {
        state = Lock(State(context: context))
        self.offersHTTP2 = offersHTTP2
        self.failed = failed
    }

    package var tally: Tally { state.withLock { $0.tally } }

    /// From here on new connections are shown this.
    package func replace(with context: TLSContext) { state.withLock { $0.context = context } }

    /// Makes a fresh connection secure; nil when that did not succeed, which is counted.
    func accept(
        _ transport: Transport,
        from peer: SocketAddress,
        until deadline: Instant
    ) async -> TLSSession? {
        let context = state.withLock { $0.context }
        do {
            let session = try TLSSession(accepting: context, offersHTTP2: offersHTTP2)
            try await transport.secure(session, until: deadline)
            state.withLock { $0.tally.completed &+= 1 }
            return session
        } catch {
            note(error, peer)
            return nil
        }
    }

    private func note(_ error: any Error, _ peer: SocketAddress) {
        switch error {
        case StreamError.timedOut:
            state.withLock { $0.tally.timedOut &+= 1 }
            failed(peer, "it did not end its handshake in time")
        case TLSError.endedEarly, is StreamError:
            state.withLock { $0.tally.left &+= 1 }
        default:
            state.withLock { $0.tally.failed &+= 1 }
            failed(peer, "\(error)")
        }
    }
}
