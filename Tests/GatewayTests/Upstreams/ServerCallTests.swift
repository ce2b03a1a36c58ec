import Base
import HTTP
import JSON
import System
import Testing

@testable import Gateway

@Suite("The text of a call to a server")
struct ServerCallTests {
    private static let meta = Array(#"{"progressToken":7}"#.utf8)

    private func text(_ call: ServerCall, _ id: Int64 = 12, meta: [UInt8] = []) -> String {
        String(decoding: call.request(id, meta: meta), as: UTF8.self)
    }

    private var tool: ServerCall {
        ServerCall(
            "tools/call",
            name: "a\"b",
            ServerCall.opening("tools/call", name: "a\"b"),
            Array(#"{"x":1}"#.utf8),
            mirrored: []
        )
    }

    @Test func `a tool's call holds its name and the arguments as they are`() {
        let params = #"{"name":"a\"b","arguments":{"x":1}"#
        let start = #"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":"#
        #expect(text(tool) == start + params + "}}")
        #expect(text(tool, meta: Self.meta) == start + params + #","_meta":{"progressToken":7}}}"#)
        let answering = tool.answering(Array("{}".utf8), "s")
        #expect(
            text(answering, meta: Self.meta) == start + params
                + #","inputResponses":{},"requestState":"s","_meta":{"progressToken":7}}}"#
        )
        #expect(text(tool.answering(nil, nil)) == text(tool))
    }

    @Test func `members of any other method are written one after the other`() {
        let none = ServerCall(method: "m", name: nil, members: [], mirrored: [])
        #expect(text(none, 0) == #"{"jsonrpc":"2.0","id":0,"method":"m","params":{}}"#)
        #expect(
            text(none, 100, meta: Self.meta)
                == #"{"jsonrpc":"2.0","id":100,"method":"m","params":{"_meta":{"progressToken":7}}}"#
        )
        #expect(
            text(none.answering(nil, "s"), .max)
                == #"{"jsonrpc":"2.0","id":9223372036854775807,"method":"m","params":{"requestState":"s"}}"#
        )
        let two = ServerCall(
            method: "m",
            name: nil,
            members: [("uri", Array(#""u""#.utf8)), ("b", [0x31])],
            mirrored: []
        )
        #expect(
            text(two, 1) == #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"uri":"u","b":1}}"#
        )
    }

    @Test func `whoever was told last of a call's end may leave first`() {
        let cancellation = CallCancellation()
        let told = Lock<[Int]>([])
        let keys = (0..<4).map { number in
            cancellation.onCancel { told.withLock { $0.append(number) } }
        }
        cancellation.remove(keys[3])
        cancellation.remove(keys[1])
        cancellation.cancel(.stopped)
        #expect(told.withLock { $0 } == [0, 2])
    }

    @Test func `requests over HTTP end with their call`() async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let ended = await loop.spawn {
            let cancellation = CallCancellation()
            let stops = (0..<4).map { _ in Cancellation(on: loop) }
            cancellation.begin(stops[0])
            cancellation.ended(stops[0])
            cancellation.begin(stops[1])
            cancellation.begin(stops[2])
            // What another began is not ended by it.
            cancellation.ended(stops[0])
            cancellation.cancel(.disconnected)
            cancellation.begin(stops[3])
            return stops.map(\.isCancelled)
        }.value
        #expect(ended == [false, true, true, true])
        loop.stop()
        thread.join()
    }
}
