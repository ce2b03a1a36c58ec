import Base
import JSON
package import System

/// One connection's way to send lines back.
package final class ControlReply: Sendable {
    private let write: @Sendable ([UInt8]) async -> Bool

    init(_ write: @escaping @Sendable ([UInt8]) async -> Bool) { self.write = write }

    /// Sends one JSON value as a line; false when the peer is gone.
    @discardableResult
    package func send(_ value: [UInt8]) async -> Bool { await write(value) }
}

/// Answers the commands of the command line on a socket in the state folder.
///
/// The peer must be the gateway's own user or root; that alone lets it look and stop things. To
/// decide anything it must prove to be an approver.
package actor ControlServer {
    package typealias Handler =
        @Sendable (ControlRequest, PeerCredentials, ControlReply) async throws -> [UInt8]

    private let loop: EventLoop
    private let user: UInt32
    private let handler: Handler
    private var listener: Listener?
    private var connections: [UInt64: LineConnection] = [:]
    private var next: UInt64 = 1

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(loop: EventLoop, user: UInt32, handler: @escaping Handler) {
        self.loop = loop
        self.user = user
        self.handler = handler
    }

    package func listen(at path: String) throws(SystemError) {
        let loop = loop
        listener = try Listener(on: .unix(path: path), loop: loop, connectionCap: 256) { stream in
            let connection = LineConnection(
                stream,
                limit: ControlRequest.byteCountLimit,
                loop: loop
            )
            // Ends when the peer closes, or with the server.
            loop.spawn { await self.serve(connection) }
        }
    }

    package func close() async {
        listener?.close()
        listener = nil
        for connection in connections.values { await connection.close() }
    }

    private func serve(_ connection: LineConnection) async {
        let number = next
        next &+= 1
        connections[number] = connection
        defer { connections[number] = nil }
        guard let peer = await connection.peer(), peer.userID == user || peer.userID == 0 else {
            await connection.send(
                ControlError(.refused, "this socket serves its own user only").text
            )
            await connection.close()
            return
        }
        let reply = ControlReply { bytes in await connection.send(bytes) }
        while let line = await connection.next() {
            await connection.send(await answer(line, peer, reply))
        }
        await connection.close()
    }

    private func answer(
        _ line: [UInt8],
        _ peer: PeerCredentials,
        _ reply: ControlReply
    ) async -> [UInt8] {
        do {
            let document = try JSONDocument(
                parsing: line,
                limits: JSONLimits(byteCount: ControlRequest.byteCountLimit)
            )
            let result = try await handler(try ControlRequest(document.root), peer, reply)
            var writer = JSONWriter(reservingCapacity: result.count + 16)
            writer.beginObject()
            writer.key("result")
            writer.raw(result)
            writer.endObject()
            return writer.bytes
        } catch let error as ControlError {
            return error.text
        } catch {
            return ControlError(.refused, "\(error)").text
        }
    }
}
