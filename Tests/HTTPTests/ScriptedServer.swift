import Base
import System

@testable import HTTP

/// A server that answers each request on each connection with the next text of a script, without
/// any idea of HTTP; nil closes the connection.
actor ScriptedServer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var listener: Listener?
    private var script: [String?]
    private(set) var requests: [String] = []
    private(set) var connectionCount = 0
    private(set) var endedCount = 0
    private var open: [RawPeer] = []

    init(on loop: EventLoop, _ script: [String?]) {
        self.loop = loop
        self.script = script
    }

    /// Starts to listen; the URL of the server.
    func start() throws -> String {
        let loop = loop
        let listener = try Listener(on: .ip(.loopback, port: 0), loop: loop) { stream in
            let peer = RawPeer(stream, on: loop)
            loop.spawn { await self.serve(peer) }
        }
        self.listener = listener
        return "http://\(listener.address)"
    }

    private func serve(_ peer: RawPeer) async {
        connectionCount += 1
        open.append(peer)
        do {
            while true {
                let request = try await peer.read(through: "\r\n\r\n")
                guard !request.isEmpty else { break }
                requests.append(request)
                guard !script.isEmpty else { return }
                guard let answer = script.removeFirst() else { break }
                try await peer.send(answer)
            }
        } catch {}
        await peer.close()
        endedCount += 1
    }

    func closeAll() async {
        for peer in open { await peer.close() }
        open = []
    }

    func send(_ text: String) async throws { try await open.last?.send(text) }

    func stop() async {
        listener?.close()
        await closeAll()
    }
}
