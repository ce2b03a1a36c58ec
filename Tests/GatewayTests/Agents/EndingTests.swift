import Audit
import Base
import Crypto
import MCP
import Patterns
import Screening
import System
import TestKit
import Testing

@testable import Gateway

/// The end of the gateway, as agents see it.
@Suite("Agents of a gateway that stops", .timeLimit(.minutes(5)))
struct EndingTests {
    private struct Silent: ReplyChannel {
        func notify(_ message: [UInt8]) async {}
        func keepAlive() async {}
    }

    /// Agents open a stream that was ended again, and the gateway waits for all that are open.
    @Test func `a stream that is opened when the others were ended ends at once`() async throws {
        let loop = try EventLoop()
        let service = try service(on: loop)
        let thread = try loop.start()
        let task = loop.spawn {
            await service.endFeeds()
            await service.stream(
                of: SessionID(text: "s"),
                principal(),
                .all,
                .r2025_11_25,
                channel: Silent(),
                cancellation: CallCancellation()
            )
        }
        await task.value
        loop.stop()
        thread.join()
    }

    private func service(on loop: EventLoop) throws -> AgentService {
        let (clock, random) = (ManualClock(), CountingRandom())
        let seed = SecretBytes([UInt8](repeating: 7, count: 32))
        let store = MemoryStore(
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: seed),
            random: random
        )
        let door = Door(
            Door.Parts(
                loop: loop,
                pool: BlockingPool(threadLimit: 1),
                store: store,
                clock: clock,
                hashing: hashing,
                random: random,
                screener: Screener(
                    secrets: [],
                    rules: try RuleBook(RedactionRule.builtIn, engine: RegexEngine()),
                    clock: clock,
                    random: random
                ),
                tokens: TokenBook(hashing: hashing, clock: clock),
                tally: GateTally(),
                environment: EnvironmentName(unchecked: "staging"),
                resultByteCount: 0
            )
        )
        let key = try SealingKey(SecretBytes([UInt8](repeating: 9, count: 32)))
        return AgentService(
            door: door,
            loop: loop,
            identity: Implementation(name: "test", version: "1"),
            cursors: SealedCursors(key: key, random: random),
            clock: clock,
            random: random
        )
    }
}
