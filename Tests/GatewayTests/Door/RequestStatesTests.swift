import Base
import Crypto
import JSON
import MCP
import TestKit
import Testing

@testable import Gateway

/// What an agent carries from one leg of a call to the next.
@Suite struct RequestStatesTests {
    private let clock = ManualClock()
    private let agent = PrincipalKey(tenant: .main, token: "001122334455")
    private let states: RequestStates

    init() throws {
        let key = try SealingKey(SecretBytes([UInt8](repeating: 3, count: 32)))
        let sealing = SealedCursors(key: key, random: CountingRandom())
        states = RequestStates(sealing: sealing, clock: clock)
    }

    private func made() -> String {
        let request = InputRequest(
            questions: [],
            upstreamState: "theirs",
            spelling: "notes.ask",
            digest: hashing.sha256([]),
            leg: 2
        )
        return states.seal(request, for: agent, .all)
    }

    /// Whether it still continues what it was made for.
    private func holds(_ state: String, for agent: PrincipalKey) -> Bool {
        let params = try? node(#"{"requestState":"\#(state)"}"#)
        guard let answers = try? states.answers(in: params, for: agent, .all) else { return false }
        return answers.leg == 2 && answers.upstreamState == "theirs"
            && answers.spelling == "notes.ask"
    }

    @Test func `it holds for its time and its agent`() {
        let state = made()
        clock.advance(by: Limits.requestStateTime - .seconds(1))
        #expect(holds(state, for: agent))
        #expect(!holds(state, for: PrincipalKey(tenant: .main, token: "other")))
        clock.advance(by: .seconds(1))
        #expect(!holds(state, for: agent))
    }

    @Test func `a wall clock that is set back gives it no more time`() {
        let state = made()
        clock.jump(by: .seconds(-86_400))
        #expect(holds(state, for: agent))
        clock.advance(by: Limits.requestStateTime)
        #expect(!holds(state, for: agent))
    }

    @Test func `a wall clock that is set forward ends it`() {
        let state = made()
        clock.jump(by: Limits.requestStateTime)
        #expect(!holds(state, for: agent))
    }
}
