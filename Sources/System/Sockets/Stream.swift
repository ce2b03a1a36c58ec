import Base
import CLinux

/// Why a stream does not go on.
package enum StreamError: Error, Equatable, Sendable, CustomStringConvertible {
    /// We closed it.
    case closed
    /// A read, write or connect deadline passed.
    case timedOut
    /// More unread bytes than `receiveLimit` without the reader taking any.
    case receiveLimitReached
    /// More unsent bytes than `sendLimit`.
    case sendLimitReached
    /// The kernel said no; a peer that went away is ECONNRESET or EPIPE.
    case failed(SystemError)

    package var description: String {
        switch self {
        case .closed: "the stream is closed"
        case .timedOut: "the other side was too slow"
        case .receiveLimitReached: "more bytes than the receive buffer may hold"
        case .sendLimitReached: "more unsent bytes than may wait for a slow reader"
        case .failed(let error): error.description
        }
    }
}

/// A nonblocking connection on a loop: a TCP or unix socket, or one end of a pipe.
///
/// It is registered once and edge-triggered. Not reading is backpressure: the kernel's buffer fills
/// and the peer waits. Owned by one actor that lives on the loop (its `unownedExecutor` is the
/// loop); not `Sendable`, and every use is checked to be on the loop.
///
/// Reading: `readNow` or `fill` bring bytes into a pooled buffer, `bytes` shows them, `consume`
/// drops them from its front; an empty buffer goes back to the pool while nothing comes. Big
/// bodies go past it with `read(appendingTo:atMost:)`. Writing: `send` queues for the end of the loop's
/// turn, or until the kernel takes more; `write` also waits while too much is queued.
///
/// Cancelling a task that waits here does nothing by itself; `close` wakes every waiter.
package final class Stream: EventSource {
    package enum Kind: Sendable { case socket, pipe }

    package let peer: SocketAddress
    let kind: Kind
    private var descriptor: Descriptor?

    // What other modules see of these is computed, and what has parts is worked on as a local value:
    // where nobody else touches a property and no access to it contains another, the compiler leaves
    // out the checks for exclusive access, of which each call made some ninety.

    private(set) var openNumber: CInt
    /// What ended the stream; every later call throws it.
    private(set) var ending: StreamError?

    // Reading.
    var unreadLimit = 64 << 10
    var buffer = ReceiveBuffer()
    var isReadable = true
    var hasPeerClosed = false
    var reader = Waiter()
    var readDeadline = UInt64.max

    // Writing.
    /// How many bytes may wait unsent before `write` makes its caller wait.
    package var highWater = 256 << 10
    var unsentLimit = 64 << 20
    /// How long the peer may take nothing while bytes wait; then the stream fails.
    package var writeTimeout: Duration = Limits.writeTimeout
    var outgoing = SendQueue()
    var isWritable = true
    var writers: [Waiter] = []
    var writeDeadline = UInt64.max
    var finishesAfterDrain = false
    /// Up to so many bytes wait for the end of the loop's turn.
    static let deferredByteCount = 64 << 10
    /// The loop gives what is queued to the kernel at the end of its turn.
    var isDeferred = false

    /// Called once when the peer closes or the connection breaks, also while nobody reads.
    package var onHangUp: (() -> Void)?
    /// The listener that counts this connection.
    var acceptor: Listener?

    /// Takes over a nonblocking descriptor and registers it with the loop.
    package init(
        adopting descriptor: consuming Descriptor,
        _ kind: Kind = .socket,
        peer: SocketAddress = .unix(path: ""),
        on loop: EventLoop
    ) throws(SystemError) {
        let number = descriptor.number
        openNumber = number
        self.peer = peer
        self.kind = kind
        self.descriptor = consume descriptor
        super.init(on: loop)
        try loop.watch(self, number, .stream)
    }

    /// The number, for TLS and descriptor passing; -1 once closed.
    ///
    /// Never close it.
    package var number: CInt { openNumber }

    package var isClosed: Bool { openNumber < 0 }

    /// The peer closed its side or the connection broke: reading will say which.
    package var isPeerClosed: Bool { hasPeerClosed }

    /// What ended the stream.
    package var failure: StreamError? { ending }

    /// How many unread bytes may pile up (rounded up to powers of two from 16 KiB).
    package var receiveLimit: Int {
        get { unreadLimit }
        set { unreadLimit = newValue }
    }

    /// How many bytes may wait unsent at all; `send` refuses beyond it.
    package var sendLimit: Int {
        get { unsentLimit }
        set { unsentLimit = newValue }
    }

    /// Who connected, for unix sockets.
    package func peerCredentials() throws(SystemError) -> PeerCredentials {
        var (process, user, group): (Int32, UInt32, UInt32) = (0, 0, 0)
        let status = unsafe cgate_peer_credentials(number, &process, &user, &group)
        _ = try checked("getsockopt", status)
        return PeerCredentials(processID: process, userID: user, groupID: group)
    }

    // MARK: Events

    override func handle(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.peerClosed, .hungUp, .failed]), !hasPeerClosed {
            hasPeerClosed = true
            isReadable = true
            resumeReader()
            if let hook = onHangUp {
                onHangUp = nil
                hook()
            }
        }
        if !readiness.isDisjoint(with: .anyRead) {
            isReadable = true
            resumeReader()
        }
        if !readiness.isDisjoint(with: .anyWrite), !isWritable {
            isWritable = true
            if outgoing.isEmpty { resumeWriters() } else { flush() }
        }
    }

    /// One timer serves both directions.
    ///
    /// It is set once and looks at the deadlines when it fires, so that a read that ends in time
    /// costs no heap work.
    func watchDeadline(_ deadline: UInt64) {
        guard deadline != .max, !isScheduled || deadline < due else { return }
        loop.setTimer(self, due: deadline)
    }

    override func fire() {
        let now = loop.now.nanoseconds
        if reader.isWaiting, readDeadline <= now {
            readDeadline = .max
            hasReadTimedOut = true
            resumeReader()
        }
        if isWriteWatched, writeDeadline <= now { return fail(.timedOut) }
        let nextRead = reader.isWaiting ? readDeadline : .max
        watchDeadline(min(nextRead, isWriteWatched ? writeDeadline : .max))
    }

    /// The reader is resumed by its deadline, not by bytes.
    var hasReadTimedOut = false

    private var isWriteWatched: Bool { !outgoing.isEmpty || !writers.isEmpty }

    func resumeReader() {
        var waiting = reader
        reader = Waiter()
        waiting.resume()
    }

    func resumeWriters() {
        guard !writers.isEmpty else { return }
        var waiting: [Waiter] = []
        swap(&waiting, &writers)
        for index in waiting.indices { waiting[index].resume() }
    }

    // MARK: The end

    /// Closes at once, every waiter is resumed with `.closed`; of what was sent before, what the
    /// kernel does not take now is dropped.
    package func close() {
        // Whoever closes is told nothing by what the kernel says to the last bytes.
        onHangUp = nil
        if !isClosed { ending = ending ?? .closed }
        giveDeferred()
        end(.closed)
    }

    func fail(_ error: StreamError) { end(error) }

    private func end(_ reason: StreamError) {
        guard !isClosed else { return }
        ending = ending ?? reason
        loop.unwatch(self)
        openNumber = -1
        descriptor = nil
        var received = buffer
        received.release(to: loop.buffers)
        buffer = received
        outgoing = SendQueue()
        resumeReader()
        resumeWriters()
        let (hook, counter) = (onHangUp, acceptor)
        onHangUp = nil
        acceptor = nil
        counter?.connectionEnded()
        if reason != .closed { hook?() }
    }

    deinit {
        // The loop holds every watched stream, so this one was closed; the buffer went with that.
        assert(isClosed, "a stream ends with close")
    }
}
