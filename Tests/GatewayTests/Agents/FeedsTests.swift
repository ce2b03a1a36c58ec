import Base
import MCP
import System
import Testing

@testable import Gateway

/// How many streams there may be, of one credential and in all.
@Suite struct FeedsTests {
    private struct Silent: ReplyChannel {
        func notify(_ message: [UInt8]) async {}
        func keepAlive() async {}
    }

    private func feed(of token: String, _ outbox: Outbox) -> Feed {
        Feed(
            principal: principal(token: token),
            endpoint: .all,
            revision: .newest,
            session: nil,
            subscription: nil,
            lists: [],
            resources: [:],
            outbox: outbox,
            end: {},
            quietSince: Instant(nanoseconds: 0)
        )
    }

    @Test func `one credential has its share, and what it closes is free again`() throws {
        let outbox = Outbox(Silent(), loop: try EventLoop())
        var feeds = Feeds()
        let mine = (0..<Limits.feedsPerPrincipal).compactMap { _ in
            feeds.open(feed(of: "001122334455", outbox))
        }
        #expect(mine.count == Limits.feedsPerPrincipal)
        #expect(feeds.open(feed(of: "001122334455", outbox)) == nil)
        // Another credential does not notice.
        #expect(feeds.open(feed(of: "aabbccddeeff", outbox)) != nil)
        // One that is closed twice frees one place.
        feeds.close(mine[0])
        feeds.close(mine[0])
        #expect(feeds.open(feed(of: "001122334455", outbox)) != nil)
        #expect(feeds.open(feed(of: "001122334455", outbox)) == nil)
    }

    @Test func `what streams saw is each one's own, however many see the same`() throws {
        let outbox = Outbox(Silent(), loop: try EventLoop())
        var feeds = Feeds()
        let numbers = (0..<200).compactMap { number in
            var feed = feed(of: "001122334455", outbox)
            feed.seen = [.tool: number / 2]
            return feeds.open(feed)
        }
        feeds.note(-1, of: .tool, in: numbers[0])
        feeds.note(7, of: .prompt, in: numbers[3])
        let seen = numbers.map { feeds.all[$0]?.seen }
        #expect(seen[0] == [.tool: -1])
        #expect(seen[1] == [.tool: 0])
        #expect(seen[3] == [.tool: 1, .prompt: 7])
        #expect(seen[199] == [.tool: 99])
    }
}
