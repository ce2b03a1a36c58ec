import Base
import System

/// Whose bytes a pump moves; called on the loop.
protocol HTTP2PumpOwner: AnyObject, Sendable {
    func take(_ event: HTTP2Session.Event)
    /// What the kernel takes for now of what the session had to say is sent.
    func flushed()
}

/// Moves the bytes of one connection of HTTP/2: from its transport into its session and back, as
/// fast as the peer takes them.
///
/// INVARIANT loop-thread: every use is on the connection's loop, which is what makes
/// `@unchecked Sendable` true.
final class HTTP2Pump: @unchecked Sendable {
    private let transport: Transport
    private let session: HTTP2Session
    private let loop: EventLoop
    weak var owner: (any HTTP2PumpOwner)?
    /// What an event asks to be sent goes with the bytes that are being moved.
    private var isMoving = false
    private var isAwaitingRoom = false

    init(_ transport: Transport, _ session: HTTP2Session, on loop: EventLoop) {
        self.transport = transport
        self.session = session
        self.loop = loop
    }

    /// Feeds what was received, in pieces: what one piece may unpack to is bounded.
    ///
    /// False when nothing more can be taken from the peer, who was told.
    func feed() -> Bool {
        var isWell = true
        isMoving = true
        while isWell, transport.stream.availableCount > 0 {
            let step = min(transport.stream.availableCount, 16 << 10)
            isWell = transport.withBytes { bytes in
                session.receive(bytes.extracting(first: step), at: loop.now)
            }
            transport.stream.consume(step)
            tellEvents()
        }
        isMoving = false
        flush()
        return isWell
    }

    /// Gives the kernel what is there, and waits for it elsewhere when it takes no more.
    func flush() {
        guard !isMoving else { return }
        isMoving = true
        while !transport.stream.isClosed, !transport.isBackedUp {
            var output: [UInt8] = []
            let isWell = session.write(to: &output, limit: 64 << 10)
            tellEvents()
            do throws(StreamError) {
                if !output.isEmpty { try transport.send(output) }
            } catch { transport.close() }
            if !isWell { transport.close() }
            // What was told may have given more to send.
            if output.isEmpty { break }
        }
        isMoving = false
        if transport.isBackedUp, !isAwaitingRoom { awaitRoom() }
        owner?.flushed()
    }

    /// Goes on when the peer took most of what was sent; the stream's write timeout ends a wait
    /// without end.
    private func awaitRoom() {
        isAwaitingRoom = true
        loop.spawn {
            do throws(StreamError) {
                try await self.transport.drain()
            } catch { self.transport.close() }
            self.isAwaitingRoom = false
            self.flush()
        }
    }

    private func tellEvents() {
        for event in session.takeEvents() { owner?.take(event) }
    }
}
