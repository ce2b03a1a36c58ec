import Base
import System

/// Reads the events of one response, for who pulls them.
actor EventReader {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private let connection: ClientConnection
    private let transport: Transport
    private let budget: BufferBudget
    private var body: EventBody
    /// Pieces that were there without a wait, one after the other.
    private var withoutWait = 0
    private var isReading = true
    private var heldByteCount = 0

    init(_ body: EventBody, of connection: ClientConnection) {
        loop = connection.loop
        self.connection = connection
        transport = connection.transport
        budget = connection.budget
        self.body = body
    }

    /// The next event of the stream, nil at its orderly end.
    func next(until deadline: Instant) async throws(HTTPClientError) -> ServerSentEvent? {
        while true {
            if body.isEnded {
                await end(isReusable: body.isReusable)
                return nil
            }
            let available = transport.stream.availableCount
            if available > 0 {
                try await takeTurn(until: deadline)
                if let event = try await take(available, deadline) { return event }
                if body.isEnded { continue }
            }
            do throws(StreamError) {
                if try await transport.fill(until: deadline) == 0,
                    !body.endsWithConnection()
                {
                    throw .closed
                }
            } catch {
                let isCutOff = error == .closed && !connection.isCancelled
                let reason = isCutOff ? .endedEarly : connection.reason(for: error)
                await end(isReusable: false)
                throw HTTPClientError(reason, requestSent: true)
            }
        }
    }

    /// How many pieces are read without a pause.
    private static let piecesPerTurn = 16

    /// A server that sends without end is never waited for: it must neither hold the loop nor
    /// outlast the deadline.
    private func takeTurn(until deadline: Instant) async throws(HTTPClientError) {
        withoutWait += 1
        guard withoutWait >= Self.piecesPerTurn else { return }
        withoutWait = 0
        await Task.yield()
        guard loop.now < deadline else {
            await end(isReusable: false)
            throw HTTPClientError(.timedOut, requestSent: true)
        }
    }

    /// Parses in place: a copy of the unfinished event for each piece of it would be a copy of all
    /// that came before, again and again.
    private func take(
        _ available: Int,
        _ deadline: Instant
    ) async throws(HTTPClientError) -> ServerSentEvent? {
        let latest = min(deadline, loop.now.advanced(by: connection.bufferWait))
        guard await budget.take(available, until: latest) else {
            await end(isReusable: false)
            throw HTTPClientError(.noRoom, requestSent: true)
        }
        heldByteCount += available
        switch transport.withBytes({ bytes in body.parse(bytes) }) {
        case .success(let result):
            transport.stream.consume(result.consumedCount)
            // What stays held: the unfinished event, and this one until the next is asked for.
            let kept = body.bufferedByteCount + (result.event?.data.count ?? 0)
            if kept < heldByteCount {
                budget.give(heldByteCount - kept)
                heldByteCount = kept
            }
            return result.event
        case .failure(let error):
            await end(isReusable: false)
            throw error
        }
    }

    var lastEventID: [UInt8]? { body.lastEventID }
    var retryDelay: Duration? { body.retryDelay }

    /// The reader lets go of a stream before its end: the connection cannot be used further.
    func abandon() async { await end(isReusable: false) }

    private func end(isReusable: Bool) async {
        guard isReading else { return }
        isReading = false
        budget.give(heldByteCount)
        heldByteCount = 0
        connection.detach()
        if !isReusable { transport.close() }
        let isReusable = isReusable && connection.park()
        await connection.client?.release(connection, isReusable: isReusable)
    }
}
