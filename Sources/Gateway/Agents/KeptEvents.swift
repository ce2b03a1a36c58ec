import Base
import HTTP
import System

/// The last events of one stream of a session, for an agent that lost it on the way (2025-11-25,
/// basic/transports, "Resumability and Redelivery").
///
/// They are kept as they were sent: screened, and in the words of the session's revision. Bounded in
/// bytes; the oldest go first.
package struct KeptEvents {
    /// The stream's number in its gateway: an id of an event names its stream.
    let number: UInt64
    private var events: [(sequence: UInt64, data: [UInt8])] = []
    private var next: UInt64 = 1
    private(set) var byteCount = 0
    /// The answer, while somebody who comes back is told what came before it.
    private var held: (sequence: UInt64, data: [UInt8])?

    init(number: UInt64) { self.number = number }

    /// An event without content, so that an agent has an id before the first message.
    var opening: ServerSentEvent { event(0, []) }

    mutating func keep(_ data: [UInt8]) -> ServerSentEvent {
        defer { next &+= 1 }
        events.append((next, data))
        byteCount += data.count
        while byteCount > Limits.keptEventByteCount, let first = events.first {
            byteCount -= first.data.count
            events.removeFirst()
        }
        return event(next, data)
    }

    /// Keeps the last event of the stream until `letGo`, however large it is.
    mutating func hold(_ data: [UInt8]) -> ServerSentEvent {
        held = (next, data)
        return keep(data)
    }

    mutating func letGo() { held = nil }

    /// What is told next to somebody who comes back and has all up to that event.
    enum Telling {
        case events([(sequence: UInt64, event: ServerSentEvent)])
        case done
        /// Something is not kept any more.
        case gone
    }

    /// The answer is told even where something before it is gone.
    func telling(after sequence: UInt64) -> Telling {
        if let missed = missed(after: sequence) { return missed.isEmpty ? .done : .events(missed) }
        guard let held, held.sequence > sequence else { return .gone }
        return .events([(held.sequence, event(held.sequence, held.data))])
    }

    /// Keeps nothing of what was sent until now.
    mutating func empty() {
        events = []
        byteCount = 0
    }

    /// What came after that one; nil where some of it is not kept any more, or never was.
    func missed(after sequence: UInt64) -> [(sequence: UInt64, event: ServerSentEvent)]? {
        guard sequence < next, sequence &+ 1 >= events.first?.sequence ?? next else { return nil }
        return events.filter { $0.sequence > sequence }.map { ($0, event($0, $1)) }
    }

    private func event(_ sequence: UInt64, _ data: [UInt8]) -> ServerSentEvent {
        ServerSentEvent(data: data, id: Array("\(number)-\(sequence)".utf8))
    }

    /// The stream and the place that an id names.
    package static func place(_ id: String) -> (number: UInt64, sequence: UInt64)? {
        let parts = id.utf8.split(separator: 0x2d, omittingEmptySubsequences: false)
        guard parts.count == 2, id.utf8.count <= 41,
            let number = UInt64(String(decoding: parts[0], as: UTF8.self)),
            let sequence = UInt64(String(decoding: parts[1], as: UTF8.self)),
            id == "\(number)-\(sequence)"
        else { return nil }
        return (number, sequence)
    }
}

extension AgentService {
    /// What an agent that names an event comes back to, and what it saw last of it.
    func kept(_ id: String, of session: SessionID) -> (HTTPReplyChannel, after: UInt64)? {
        guard let place = KeptEvents.place(id),
            let channel = streams.find(place.number, of: session)
        else { return nil }
        return (channel, place.sequence)
    }

    func forget(_ channel: HTTPReplyChannel) {
        if let number = channel.number { streams.forget(number) }
    }
}
