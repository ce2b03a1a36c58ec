import Base
import CLinux
import Glibc

/// A listening socket that gives each connection to a closure, up to a number of open ones.
///
/// At the cap, and while the process has no descriptors left, it stops accepting: connections wait
/// in the kernel's backlog, and beyond it are refused by the kernel. It goes on when a connection
/// ends, and without descriptors also after `pause`.
package final class Listener: EventSource {
    private static let acceptsPerTurn = 64
    private static let pause: Duration = .milliseconds(100)

    package let address: SocketAddress
    package private(set) var connectionCount = 0
    package let connectionCap: Int
    /// How often accepting stopped for want of descriptors or by the cap.
    package private(set) var pauseCount = 0

    private var descriptor: Descriptor?
    private var isPaused = false
    private let accepted: (sending Stream) -> Void
    private let socketFile: FileIdentity?

    /// Listens on an IP address (port 0: the kernel chooses, see `address`) or a path.
    ///
    /// A path must be in a folder nobody else can write; a socket file nobody answers on is
    /// replaced, everything else at that path is left alone. The file has mode 0600.
    package init(
        on address: SocketAddress,
        loop: EventLoop,
        backlog: Int32 = 1024,
        connectionCap: Int = Limits.connectionCount,
        accepted: @escaping (sending Stream) -> Void
    ) throws(SystemError) {
        let number: CInt
        switch address {
        case .ip(let ip, let port):
            var encoded = ip.encoded(port: port)
            let status = unsafe cgate_listen_ip(&encoded, backlog)
            number = try checked("listen", status, subject: address.description)
            var bound = cgate_address()
            _ = unsafe cgate_local_address(number, &bound)
            self.address = SocketAddress(bound)
            socketFile = nil
        case .unix(let path):
            try refuseNUL(path, call: "listen")
            try Self.removeStale(path)
            number = try checked("listen", unsafe cgate_listen_unix(path, backlog), subject: path)
            self.address = address
            socketFile = FileIdentity(path)
        }
        descriptor = Descriptor(adopting: number)
        self.connectionCap = connectionCap
        self.accepted = accepted
        super.init(on: loop)
        try loop.watch(self, number, .readable)
    }

    /// Takes over a socket that listens already, such as one made in another network namespace.
    package init(
        adopting listening: consuming Descriptor,
        loop: EventLoop,
        connectionCap: Int,
        accepted: @escaping (sending Stream) -> Void
    ) throws(SystemError) {
        let number = listening.number
        try listening.setNonblocking()
        guard cgate_is_listening(number) == 1 else {
            throw SystemError(call: "listen", code: Errno.invalidArgument)
        }
        cgate_send_at_once(number)
        var bound = cgate_address()
        _ = unsafe cgate_local_address(number, &bound)
        address = SocketAddress(bound)
        socketFile = nil
        descriptor = consume listening
        self.connectionCap = connectionCap
        self.accepted = accepted
        super.init(on: loop)
        try loop.watch(self, number, .readable)
    }

    override func handle(_ readiness: Readiness) {
        for _ in 0..<Self.acceptsPerTurn {
            guard let number = descriptor?.number, !isPaused else { return }
            guard connectionCount < connectionCap else { return stopAccepting(until: nil) }
            var peer = cgate_address()
            let result = unsafe cgate_accept(number, &peer)
            guard result >= 0 else { return refused(-result) }
            admit(Descriptor(adopting: result), SocketAddress(peer))
        }
    }

    private func admit(_ descriptor: consuming Descriptor, _ peer: SocketAddress) {
        // Only out of memory can make the registration fail; the connection is closed then.
        guard let stream = try? Stream(adopting: descriptor, peer: peer, on: loop) else { return }
        stream.acceptor = self
        connectionCount += 1
        // Nobody but the loop knows the stream yet.
        nonisolated(unsafe) let fresh = stream
        unsafe accepted(fresh)
    }

    private func refused(_ code: CInt) {
        switch code {
        case EAGAIN: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            stopAccepting(until: loop.now.advanced(by: Self.pause))
        default:
            // Errors of the one connection (accept(2) lists them); the next is tried.
            return
        }
    }

    private func stopAccepting(until moment: Instant?) {
        isPaused = true
        pauseCount += 1
        // Level-triggered: without this the loop would spin on the waiting connection.
        loop.rewatch(self, [])
        if let moment { loop.setTimer(self, due: moment.nanoseconds) }
    }

    private func resume() {
        guard isPaused, descriptor != nil else { return }
        isPaused = false
        loop.rewatch(self, .readable)
    }

    override func fire() { resume() }

    func connectionEnded() {
        connectionCount -= 1
        if isPaused { resume() }
    }

    /// Stops listening; open connections go on.
    ///
    /// The socket file is removed if it is still ours.
    package func close() {
        guard descriptor != nil else { return }
        loop.unwatch(self)
        descriptor = nil
        if case .unix(let path) = address, let socketFile, FileIdentity(path) == socketFile {
            unsafe unlink(path)
        }
    }

    /// Removes a socket file of ours that no process answers on.
    private static func removeStale(_ path: String) throws(SystemError) {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0 else { return }
        guard facts.st_mode & S_IFMT == S_IFSOCK, facts.st_uid == geteuid() else {
            throw SystemError(call: "bind", code: EADDRINUSE, subject: path)
        }
        var isPending: CInt = 0
        let probe = unsafe cgate_connect_unix(path, &isPending)
        if probe >= 0 {
            _ = cgate_close(probe)
            throw SystemError(call: "bind", code: EADDRINUSE, subject: path)
        }
        // EAGAIN: a listener whose backlog is full. Only a refusal says that nobody listens.
        guard probe == -ECONNREFUSED else {
            throw SystemError(call: "bind", code: EADDRINUSE, subject: path)
        }
        guard unsafe unlink(path) == 0 else {
            throw SystemError(call: "unlink", code: errno, subject: path)
        }
    }
}

/// Which file a path leads to, so that only our own is removed.
private struct FileIdentity: Equatable {
    let device: UInt
    let inode: UInt

    init?(_ path: String) {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0 else { return nil }
        device = facts.st_dev
        inode = facts.st_ino
    }
}
