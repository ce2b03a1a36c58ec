import HTTP
import Testing

@testable import Gateway

@Suite("Where messages of HTTP+SSE are posted")
struct EventsPlaceTests {
    private func place(_ text: String, from target: String = "/base/sse?key=1") throws -> String? {
        let origin = try HTTPURL(parsing: "https://server.example:8443/").origin
        return EventsTransport.place(Array(text.utf8), from: target, origin)
    }

    @Test(
        "a place of the same origin is taken",
        arguments: [
            ("/messages?session=1", "/messages?session=1"), ("messages", "/base/messages"),
            ("?session=1", "/base/sse?session=1"), ("../up", "/base/../up"),
            ("https://server.example:8443/in?x", "/in?x"),
            ("HTTPS://SERVER.example:8443/in", "/in"), ("https://server.example:8443", "/"),
        ]
    )
    func same(text: String, target: String) throws {
        #expect(try place(text) == target)
    }

    @Test(
        "any other is refused",
        arguments: [
            "https://elsewhere.example/messages", "http://server.example:8443/messages",
            "https://server.example/messages", "//elsewhere.example/messages",
            "https://server.example:8443@elsewhere.example/x", "https://a@server.example:8443/x",
            "ftp://server.example:8443/x", "/messages#part", "/mess ages", "/mess\r\nages",
            "/mess\u{e9}ages", "/" + String(repeating: "x", count: 9000),
        ]
    )
    func other(text: String) throws {
        #expect(try place(text) == nil)
    }

    @Test func `bytes that are no text are refused`() throws {
        let origin = try HTTPURL(parsing: "https://server.example/").origin
        #expect(EventsTransport.place([0x2f, 0xff], from: "/sse", origin) == nil)
    }
}
