package import Base

/// The events of a response, pulled one by one.
///
/// Not pulling is backpressure: the server waits. A stream that is let go before its end has to be
/// closed.
package final class EventStream: Sendable {
    private enum Source {
        case reader(EventReader)
        case call(HTTP2Call, HTTP2ClientConnection)
    }

    private let source: Source

    init(_ reader: EventReader) { source = .reader(reader) }

    init(call: HTTP2Call, on connection: HTTP2ClientConnection) {
        source = .call(call, connection)
    }

    /// The next event; nil when the server ended the stream in order.
    package func next(until deadline: Instant) async throws(HTTPClientError) -> ServerSentEvent? {
        switch source {
        case .reader(let reader):
            try await reader.next(until: deadline)
        case .call(let call, let connection):
            try await connection.nextEvent(of: call, until: deadline)
        }
    }

    /// What a new request repeats as `Last-Event-ID`: the id of the last whole event that had one.
    package var lastEventID: [UInt8]? {
        get async {
            switch source {
            case .reader(let reader): await reader.lastEventID
            case .call(let call, let connection): await connection.lastEventID(of: call)
            }
        }
    }

    /// How long the server asked to wait before connecting again.
    package var retryDelay: Duration? {
        get async {
            switch source {
            case .reader(let reader): await reader.retryDelay
            case .call(let call, let connection): await connection.retryDelay(of: call)
            }
        }
    }

    /// Lets go of the stream; before its end this closes the connection, or resets the stream where
    /// the connection carries others, which tells the server.
    package func close() async {
        switch source {
        case .reader(let reader): await reader.abandon()
        case .call(let call, let connection): await connection.abandon(call)
        }
    }
}
