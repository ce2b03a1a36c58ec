package import Base

/// The events of a response, pulled one by one.
///
/// Not pulling is backpressure: the server waits. A stream that is let go before its end has to be
/// closed.
package final class EventStream: Sendable {
    private let connection: ClientConnection
    private let number: UInt64

    init(connection: ClientConnection, number: UInt64) {
        self.connection = connection
        self.number = number
    }

    /// The next event; nil when the server ended the stream in order.
    package func next(until deadline: Instant) async throws(HTTPClientError) -> ServerSentEvent? {
        try await connection.nextEvent(of: number, until: deadline)
    }

    /// What a new request repeats as `Last-Event-ID`: the id of the last whole event that had one.
    package var lastEventID: [UInt8]? {
        get async { await connection.lastEventID(of: number) }
    }

    /// How long the server asked to wait before connecting again.
    package var retryDelay: Duration? {
        get async { await connection.retryDelay(of: number) }
    }

    /// Lets go of the stream; before its end this closes the connection, which tells the server.
    package func close() async { await connection.abandon(number) }
}
