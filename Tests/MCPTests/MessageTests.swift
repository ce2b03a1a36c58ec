import JSON
import Testing

@testable import MCP

@Suite("JSON-RPC messages")
struct MessageTests {
    @Test(
        "reads the three shapes",
        arguments: [
            (#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request"),
            (#"{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}"#, "request"),
            (#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification"),
            (#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "response"),
            (#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#, "response"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":[1]}"#, "request"),
        ]
    )
    func reads(source: String, shape: String) throws {
        let found =
            switch try message(source) {
            case .request: "request"
            case .notification: "notification"
            case .response: "response"
            }
        #expect(found == shape)
    }

    @Test(
        "refuses what is none of the three, and keeps the id where it can be read",
        arguments: [
            ("[]", nil), ("7", nil), ("{}", nil),
            (#"{"jsonrpc":"1.0","id":4,"method":"ping"}"#, RequestID.integer(4)),
            (#"{"id":"x","method":"ping"}"#, .string("x")),
            (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, nil),
            (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, nil),
            (#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#, nil),
            (#"{"jsonrpc":"2.0","id":4,"method":""}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4,"method":"ping","params":[]}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4,"method":"ping","params":null}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4,"method":"ping","result":{}}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4,"result":{},"error":{"code":1,"message":""}}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4,"error":{"message":"no code"}}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4,"error":{"code":1.5,"message":""}}"#, .integer(4)),
            (#"{"jsonrpc":"2.0","id":4}"#, .integer(4)),
        ] as [(String, RequestID?)]
    )
    func refuses(source: String, id: RequestID?) throws {
        let node = try json(source)
        let error = #expect(throws: MalformedMessage.self) { try Message(node) }
        #expect(error?.error.code == .invalidRequest)
        #expect(error?.id == id)
    }

    @Test("an id at its limit is taken, one byte more is not", arguments: [256, 257])
    func idLength(count: Int) throws {
        let id = String(repeating: "x", count: count)
        let node = try json(#"{"jsonrpc":"2.0","id":"\#(id)","method":"ping"}"#)
        if count == 256 {
            #expect(throws: Never.self) { try Message(node) }
        } else {
            #expect(throws: MalformedMessage.self) { try Message(node) }
        }
    }

    @Test("a method at its limit is taken, one byte more is not", arguments: [128, 129])
    func methodLength(count: Int) throws {
        let node = try json(
            #"{"jsonrpc":"2.0","method":"\#(String(repeating: "m", count: count))"}"#
        )
        if count == 128 {
            #expect(throws: Never.self) { try Message(node) }
        } else {
            #expect(throws: MalformedMessage.self) { try Message(node) }
        }
    }

    @Test func `1 and "1" are two ids`() {
        #expect(RequestID.integer(1) != .string("1"))
    }

    @Test func `an error without a readable id leaves the member out, or says null to older peers`()
    {
        let problem = ProtocolError(.parse, "no")
        #expect(!text(Envelope.error(nil, problem, for: .r2025_11_25)).contains("id"))
        #expect(text(Envelope.error(nil, problem, for: .r2025_06_18)).contains(#""id":null"#))
        #expect(text(Envelope.error(.string("a\"b"), problem)).contains(#""id":"a\"b""#))
    }

    @Test func `a message cut at any place is no message`() throws {
        let whole =
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}"#
        for count in 0..<whole.utf8.count {
            let bytes = Array(whole.utf8.prefix(count))
            #expect(throws: (any Error).self) { try Message(try JSONDocument(parsing: bytes).root) }
        }
    }
}
