import Base
import JSON
import MCP
import System
import Testing

@testable import Gateway

/// A server whose processes end when they are asked for prompts, so many of them.
private actor MortalPipe: UpstreamTransport {
    nonisolated let isHTTP = false
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private(set) var currentGeneration: UInt64 = 1
    private var deathsLeft: Int

    init(on loop: EventLoop, deaths: Int) {
        self.loop = loop
        deathsLeft = deaths
    }

    func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let text: String
        switch request.method {
        case "server/discover":
            text = #""supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"prompts":{}}"#
        case "tools/list": text = #""tools":[{"name":"a","inputSchema":{"type":"object"}}]"#
        default:
            if deathsLeft > 0 {
                deathsLeft -= 1
                currentGeneration += 1
                throw UpstreamFailure(.lost, "the server ended")
            }
            text = #""prompts":[{"name":"b"}]"#
        }
        do {
            let whole = "{\"resultType\":\"complete\",\(text)}"
            return .result(try JSONDocument(parsing: Array(whole.utf8)).root)
        } catch {
            throw UpstreamFailure(.invalidAnswer, "\(error)")
        }
    }

    func notify(_ message: [UInt8], to opened: Opened) async {}
    func ready() async throws(UpstreamFailure) -> UInt64 { currentGeneration }
    nonisolated var generationAtHand: UInt64? { nil }
    func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) {}
    func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) {}
    func listen(_ request: UpstreamRequest?, to opened: Opened) async {}
    func close() async {}
}

@Suite("What a server offers", .timeLimit(.minutes(5)))
struct ListingTests {
    /// Prompts that went with the process were taken from agents until the server's next start.
    @Test(arguments: [
        (deaths: 0, offers: ["a", "prompts/b"]), (1, ["a", "prompts/b"]), (9, ["a"]),
    ])
    func `is read from the next process where one ends, and once only`(
        deaths: Int,
        offers: [String]
    ) async throws {
        let loop = try EventLoop()
        let thread = try loop.start()
        let client = try MCPClient(of: MortalPipe(on: loop, deaths: deaths), on: loop)
        let found = try await loop.spawnThrowing { try await client.describe() }.value
        #expect(found.tools.map(\.name.rawValue).sorted() == offers)
        #expect(found.unusable.map(\.name) == (offers.count == 2 ? [] : ["prompts/list"]))
        loop.stop()
        thread.join()
    }
}
