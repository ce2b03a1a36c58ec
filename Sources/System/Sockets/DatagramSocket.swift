import CLinux

/// A socket of datagrams, each of which is a question that a closure answers.
package final class DatagramSocket: EventSource {
    private static let datagramsPerTurn = 64

    private var descriptor: Descriptor?
    private let byteLimit: Int
    private let answer: @Sendable ([UInt8]) async -> [UInt8]?

    /// Takes over a bound socket, such as one made in another network namespace.
    ///
    /// A datagram of more than `byteLimit` bytes arrives cut to one more. `answer` runs on the loop and
    /// bounds by itself how many it works on; nil answers nothing.
    package init(
        adopting socket: consuming Descriptor,
        loop: EventLoop,
        byteLimit: Int,
        answer: @escaping @Sendable ([UInt8]) async -> [UInt8]?
    ) throws(SystemError) {
        let number = socket.number
        try socket.setNonblocking()
        descriptor = consume socket
        self.byteLimit = byteLimit
        self.answer = answer
        super.init(on: loop)
        try loop.watch(self, number, .readable)
    }

    override func handle(_ readiness: Readiness) {
        for _ in 0..<Self.datagramsPerTurn {
            guard let number = descriptor?.number else { return }
            var peer = cgate_address()
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteLimit + 1) {
                buffer,
                filled in
                guard let base = buffer.baseAddress else { return }
                count = unsafe cgate_receive_datagram(number, base, buffer.count, &peer)
                filled = max(0, count)
            }
            guard count >= 0 else { return }
            reply(to: bytes, SocketAddress(peer))
        }
    }

    private func reply(to bytes: [UInt8], _ peer: SocketAddress) {
        let answer = answer
        // Used on the loop only, which is where the task runs. It ends with the answer.
        nonisolated(unsafe) let own = self
        loop.spawn {
            guard let reply = await answer(bytes) else { return }
            unsafe own.send(reply, to: peer)
        }
    }

    /// Sends one datagram, or drops it where there is no room: who asked asks again.
    private func send(_ bytes: [UInt8], to peer: SocketAddress) {
        guard let number = descriptor?.number, case .ip(let address, let port) = peer else {
            return
        }
        var encoded = address.encoded(port: port)
        _ = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe cgate_send_datagram(number, base, buffer.count, &encoded)
        }
    }

    package func close() {
        guard descriptor != nil else { return }
        loop.unwatch(self)
        descriptor = nil
    }
}
