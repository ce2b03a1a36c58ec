/// One event of an event stream (WHATWG HTML, "Server-sent events").
package struct ServerSentEvent: Equatable, Sendable {
    /// The joined `data` lines; MCP puts one JSON-RPC message here.
    package var data: [UInt8]
    /// The `event` field; nil means `message`.
    package var type: [UInt8]?
    /// The last event id as it stood when this event ended; nil when none was ever given.
    package var id: [UInt8]?

    package init(data: [UInt8], type: [UInt8]? = nil, id: [UInt8]? = nil) {
        self.data = data
        self.type = type
        self.id = id
    }
}

/// Why an event stream is not read on.
package enum EventStreamError: Error, Equatable, Sendable, CustomStringConvertible {
    case eventTooLarge(limit: Int)

    package var description: String {
        switch self {
        case .eventTooLarge(let limit): "an event of more than \(limit) bytes in an event stream"
        }
    }
}
