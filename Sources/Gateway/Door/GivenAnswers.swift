import Base
package import JSON

/// What a call tells its server beside its arguments: answers to what the server asked.
///
/// They are in call form and, like the arguments, judged, shown, bound to the yes, recorded and
/// sent: who answers is an agent, whatever it says of a person.
package struct GivenAnswers: Sendable {
    /// By the server's own keys.
    package let responses: CallForm
    /// What was asked, by the same keys, as the person was shown it.
    let asked: CallForm
    /// The server's own state, to be given back as it was; nil where it gave none.
    let state: String?

    init(responses: [UInt8], to asked: [UInt8], state: String?) throws(CallFormError) {
        self.responses = try CallForm(text: responses)
        self.asked = try CallForm(text: asked)
        self.state = state
    }

    /// What makes these answers, to these questions, others than any others.
    func digest(_ hashing: any Hashing) -> Digest {
        // A call form holds no line feed.
        let state = state.map { Array("\n\($0)".utf8) } ?? []
        return hashing.sha256(responses.bytes + [0x0a] + asked.bytes + state)
    }

    /// For whoever says yes to it: a "confirm" means nothing without what it confirms.
    var shown: [UInt8] {
        Door.object([(key: "asked", value: asked.bytes), (key: "given", value: responses.bytes)])
    }
}

extension InputAnswers {
    /// What of them the server hears; nil where only a person was waited for, or the call itself
    /// waits for them.
    func given() throws(CallFormError) -> GivenAnswers? {
        guard leg == nil, parked == nil else { return nil }
        return try GivenAnswers(responses: responses, to: asked, state: upstreamState)
    }
}
