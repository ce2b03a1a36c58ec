import Base
import Testing

@testable import HTTP

struct EventStreamTests {
    private static func event(
        _ data: String,
        type: String? = nil,
        id: String? = nil
    ) -> ServerSentEvent {
        ServerSentEvent(data: data.bytes, type: type?.bytes, id: id?.bytes)
    }

    private static func parse(
        _ bytes: [UInt8],
        piece: Int = .max,
        limit: Int = 1 << 20
    ) throws(EventStreamError) -> (events: [ServerSentEvent], parser: EventStreamParser) {
        var parser = EventStreamParser(eventByteCount: limit)
        var events: [ServerSentEvent] = []
        var start = 0
        while start < bytes.count {
            let end = piece >= bytes.count - start ? bytes.count : start + piece
            let part = Array(bytes[start..<end])
            var index = 0
            while let event = try parser.next(in: part.span, from: &index) { events.append(event) }
            start = end
        }
        return (events, parser)
    }

    /// The examples of the standard among them (WHATWG HTML 9.2.6).
    @Test(
        "reads streams as the standard says, in any pieces",
        arguments: [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
                    + "data:  third event\n\n",
                [
                    event("first event", id: "1"), event("second event", id: ""),
                    event(" third event", id: ""),
                ]
            ),
            ("data\n\ndata\ndata\n\ndata:", [event(""), event("\n")]),
            ("data:test\n\ndata: test\n\n", [event("test"), event("test")]),
            ("event: add\ndata: 73857293\n\n", [event("73857293", type: "add")]),
            ("event: add\n\ndata: x\n\n", [event("x")]),
            ("id: 7\n\ndata: x\n\n", [event("x", id: "7")]),
            ("data: a\rdata: b\r\rdata: c\r\n\r\n", [event("a\nb"), event("c")]),
            ("\u{FEFF}data: a\n\n", [event("a")]),
            ("\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n", [event("b")]),
            ("data: a\u{0}b\n\n", [event("a\u{0}b")]),
            ("id: a\u{0}\ndata: x\n\n", [event("x")]),
            ("nonsense: y\ndata: x\n: c\n\n", [event("x")]),
            ("Data: x\n\ndata : y\n\n", []),
            ("data: unfinished\n", []),
        ]
    )
    func reads(text: String, events: [ServerSentEvent]) throws {
        for piece in [1, 2, 3, .max] {
            #expect(try Self.parse(text.bytes, piece: piece).events == events, "pieces of \(piece)")
        }
    }

    @Test func `the id to resume from is that of the last whole event`() throws {
        let parser = try Self.parse("id: 1\ndata: a\n\nid: 2\ndata: b\n".bytes).parser
        #expect(parser.lastEventID == "1".bytes)
    }

    @Test(
        "a delay is a number of milliseconds",
        arguments: [("500", 500), ("0", 0), ("5 0", nil), ("-1", nil), ("", nil), ("1e3", nil)]
            as [(String, Int?)]
    )
    func delay(text: String, milliseconds: Int?) throws {
        let parser = try Self.parse("retry: \(text)\n\n".bytes).parser
        #expect(parser.retryDelay == milliseconds.map { .milliseconds($0) })
    }

    @Test func `an event may have its limit of bytes and not one more`() throws {
        let fits = "data: " + String(repeating: "x", count: 94) + "\n\n"
        #expect(try Self.parse(fits.bytes, limit: 100).events.count == 1)
        let over = "data: " + String(repeating: "x", count: 95) + "\n\n"
        #expect(throws: EventStreamError.eventTooLarge(limit: 100)) {
            try Self.parse(over.bytes, limit: 100)
        }
        let many = String(repeating: "data: 0123456789\n", count: 20)
        #expect(throws: EventStreamError.eventTooLarge(limit: 100)) {
            try Self.parse(many.bytes, limit: 100)
        }
        #expect(throws: EventStreamError.eventTooLarge(limit: 100)) {
            try Self.parse((":" + String(repeating: "c", count: 100)).bytes, piece: 1, limit: 100)
        }
    }

    @Test(
        "what is written is read back",
        arguments: [
            event(#"{"jsonrpc":"2.0"}"#), event("", id: "0"), event("a\nb", type: "message"),
            event("\n"), event("a\n"), event("\u{4E2D}", type: "x", id: "s/1"),
        ]
    )
    func writes(event: ServerSentEvent) throws {
        var bytes: [UInt8] = []
        EventStreamWriter.appendComment(to: &bytes)
        EventStreamWriter.append(retryDelay: .milliseconds(1500), to: &bytes)
        EventStreamWriter.append(event, to: &bytes)
        let (events, parser) = try Self.parse(bytes)
        #expect(events == [event])
        #expect(parser.retryDelay == .milliseconds(1500))
    }

    @Test func `carriage returns in data become line feeds, as for every reader`() throws {
        var bytes: [UInt8] = []
        EventStreamWriter.append(Self.event("a\rb\r\nc\r"), to: &bytes)
        #expect(try Self.parse(bytes).events == [Self.event("a\nb\nc\n")])
    }

    @Test func `a line end in a type or an id cannot make a field`() throws {
        var bytes: [UInt8] = []
        EventStreamWriter.append(
            Self.event("x", type: "a\ndata: evil", id: "1\r\ndata: evil"),
            to: &bytes
        )
        #expect(try Self.parse(bytes).events == [Self.event("x")])
    }
}
