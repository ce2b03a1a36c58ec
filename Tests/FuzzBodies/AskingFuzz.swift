import Base
import Crypto
import Gateway
import JSON
import MCP
import Patterns
import Screening

/// Bytes as what passes between a server and the agent behind a call besides results: questions to
/// a person and to a model, their answers, request states, and ids of events on lost streams.
enum AskingFuzz {
    private static let principal = PrincipalKey(tenant: .main, token: "001122334455")
    private static let server = ServerName(unchecked: "notes")
    private static let cursors: SealedCursors? = {
        let key = try? SealingKey(SecretBytes([UInt8](repeating: 3, count: 32)))
        return key.map { SealedCursors(key: $0, random: CountingRandom()) }
    }()
    private static let screener: Screener? = {
        (try? RuleBook([], engine: RegexEngine())).map {
            Screener(secrets: [], rules: $0, clock: StandingClock(), random: CountingRandom())
        }
    }()
    /// A state that asked for one answer of each kind.
    private static let state =
        #"{"expiry":9000000000000,"instant":"2000000000","spelling":"notes.ask","digest":"\#(String(repeating: "0", count: 64))","#
        + #""keys":{"a":"elicitation/create","b":"sampling/createMessage","c":"roots/list"}}"#

    static func check(_ bytes: [UInt8]) {
        guard let cursors, let screener else { return expect(false, "keys and rules can be made") }
        eventID(text(bytes))
        let states = RequestStates(sealing: cursors, clock: StandingClock())
        opened(bytes, states, cursors)
        guard let node = try? JSONDocument(parsing: bytes).root else { return }
        answers(node, states, cursors)
        question(node, screener)
        sampling(node, screener)
    }

    private static func eventID(_ id: String) {
        guard let place = KeptEvents.place(id) else { return }
        expect("\(place.number)-\(place.sequence)" == id, "an event has one id")
    }

    /// As a state nobody sealed, and as the content of one that was.
    private static func opened(_ bytes: [UInt8], _ states: RequestStates, _ cursors: SealedCursors)
    {
        let sealed = cursors.seal(bytes, for: principal, .all)
        expect(cursors.open(state: sealed, for: principal, .all) == bytes, "a state opens")
        let other = PrincipalKey(tenant: .main, token: "other")
        expect(cursors.open(state: sealed, for: other, .all) == nil, "and for its agent alone")
        for text in [text(bytes), sealed] {
            guard let answers = continued(text, nil, states) else { continue }
            expect(text == sealed, "nobody else makes a state")
            let isOver = answers.end.isOver(at: Moment(StandingClock()))
            expect(!isOver, "one that is over continues nothing")
        }
    }

    private static func continued(
        _ state: String,
        _ responses: JSONNode?,
        _ states: RequestStates
    ) -> InputAnswers? {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("requestState")
        writer.string(state)
        if let responses {
            writer.key("inputResponses")
            writer.node(responses)
        }
        writer.endObject()
        let params = (try? JSONDocument(parsing: writer.bytes))?.root
        return (try? states.answers(in: params, for: principal, .all)) ?? nil
    }

    /// As the answers of an agent: what is taken is taken again, byte for byte.
    private static func answers(_ node: JSONNode, _ states: RequestStates, _ cursors: SealedCursors)
    {
        let sealed = cursors.seal(Array(state.utf8), for: principal, .all)
        if let taken = continued(sealed, node, states) {
            let given = (try? JSONDocument(parsing: taken.responses))?.root
            expect(given?.kind == .object, "answers are an object")
            let keys = given.map { $0.members.map(\.key.text) } ?? []
            expect(keys.allSatisfy { "abc".contains($0) }, "nobody answers what was not asked")
        }
        for kind in InputKind.allCases {
            guard let checked = try? RequestStates.checked(node, to: kind) else { continue }
            let again = (try? JSONDocument(parsing: checked)).flatMap {
                try? RequestStates.checked($0.root, to: kind)
            }
            expect(again == checked, "an answer that was taken is one")
        }
    }

    private static func question(_ node: JSONNode, _ screener: Screener) {
        let modes: InputModes = [.form, .url]
        guard
            let asked = try? Elicitation(node, from: server, modes: modes, screener: screener)
        else { return }
        let shown = (try? JSONDocument(parsing: asked.params))?.root
        let message = shown?["message"]?.string ?? ""
        expect(message.utf8.starts(with: "The server `notes` asks".utf8), "it says who asks")
        let fields = shown?["requestedSchema"]?["properties"]
        expect((fields?.count ?? 0) <= Limits.formFieldCount, "a form has so many fields")
        expect(shown?["mode"]?.isString("form") == (fields != nil), "a form, or a page")
    }

    private static func sampling(_ node: JSONNode, _ screener: Screener) {
        for givesTools in [false, true] {
            guard let shown = sampled(node, givesTools, screener) else { continue }
            expect((1...100).contains(shown["maxTokens"]?.number?.int ?? 0), "tokens are capped")
            let never =
                ["includeContext", "metadata"] + (givesTools ? [] : ["tools", "toolChoice"])
            for name in never { expect(shown.member(name) == nil, "`\(name)` goes to no model") }
            let again = sampled(shown, givesTools, screener)
            expect(again != nil, "a question that was taken is one")
        }
    }

    private static func sampled(
        _ node: JSONNode,
        _ givesTools: Bool,
        _ screener: Screener
    ) -> JSONNode? {
        let asked = try? SamplingQuestion(
            node,
            tokenCount: 100,
            givesTools: givesTools,
            screener: screener
        )
        return asked.flatMap { try? JSONDocument(parsing: $0.params) }?.root
    }
}
