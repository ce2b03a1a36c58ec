package import Base
package import JSON
import MCP

/// The person behind an agent, as far as its revision lets us ask them during a call.
package protocol InputAsking: Sendable {
    /// Asks with these parameters of `elicitation/create`; the answer's result, or nil for none.
    func ask(_ params: [UInt8]) async -> JSONNode?
}

/// What a request brings along that continues an earlier one (2026-07-28, basic/patterns/mrtr).
package struct InputAnswers: Sendable {
    /// What the request before it was.
    package let spelling: String
    package let digest: Digest
    package let expiry: Timestamp
    /// The server's own state, to be given back as it was; nil where it gave none.
    package let upstreamState: String?
    /// Answers to what it asked, by its keys, as one object in JSON text.
    package let responses: [UInt8]
    /// The call that waits for them; nil where the server is sent another one.
    let parked: String?
    /// Set where nothing is continued but the wait for a person, and how often it was by now.
    let leg: Int?
}

/// What a server wants to know before it goes on.
package struct InputRequest: Sendable {
    /// Parameters of `elicitation/create` by the server's keys.
    package let questions: [(key: String, params: [UInt8])]
    package let upstreamState: String?
    package let spelling: String
    package let digest: Digest
    /// The call that waits for the answer, where it does.
    var parked: String?
    /// How often the agent was sent to wait on, where it is that.
    var leg: Int?

    /// The result an agent of 2026-07-28 is given; `state` is ours.
    func result(state: String, serverInfo: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resultType")
        writer.string("input_required")
        if !questions.isEmpty {
            writer.key("inputRequests")
            writer.beginObject()
            for (key, params) in questions {
                writer.key(key)
                writer.beginObject()
                writer.key("method")
                writer.string("elicitation/create")
                writer.key("params")
                writer.raw(params)
                writer.endObject()
            }
            writer.endObject()
        }
        writer.key("requestState")
        writer.string(state)
        writer.key("_meta")
        writer.beginObject()
        writer.key("io.modelcontextprotocol/serverInfo")
        writer.raw(serverInfo)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }
}

/// Our `requestState`: what continues a request, sealed for its principal and endpoint.
struct RequestStates {
    let sealing: any CursorSealing
    let clock: any Clock

    func seal(_ request: InputRequest, for principal: PrincipalKey, _ endpoint: Endpoint) -> String
    {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("expiry")
        let expiry = clock.timestamp.advanced(by: Limits.requestStateTime)
        writer.number(expiry.milliseconds)
        writer.key("spelling")
        writer.string(request.spelling)
        writer.key("digest")
        writer.string(request.digest.description)
        writer.key("keys")
        writer.beginArray()
        for question in request.questions { writer.string(question.key) }
        writer.endArray()
        if let state = request.upstreamState {
            writer.key("state")
            writer.string(state)
        }
        if let parked = request.parked {
            writer.key("parked")
            writer.string(parked)
        }
        if let leg = request.leg {
            writer.key("leg")
            writer.number(leg)
        }
        writer.endObject()
        return sealing.seal(writer.bytes, for: principal, endpoint)
    }

    /// What a request continues; nil inside where it continues nothing.
    func answers(
        in params: JSONNode?,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) throws(ProtocolError) -> InputAnswers? {
        let given = params?["inputResponses"]
        guard let node = params?["requestState"] else {
            guard given == nil else { throw Self.unknown }
            return nil
        }
        guard let text = node.string, text.utf8.count <= Limits.requestStateByteCount * 2,
            let plain = sealing.open(state: text, for: principal, endpoint),
            let root = try? JSONDocument(parsing: plain).root,
            let expiry = root["expiry"]?.number?.int64, let spelling = root["spelling"]?.string,
            let bytes = root["digest"]?.string.flatMap({ Hex.decode($0[...]) }),
            let digest = Digest(bytes: bytes),
            clock.timestamp < Timestamp(milliseconds: expiry)
        else { throw Self.unknown }
        guard given == nil || given?.kind == .object else {
            throw ProtocolError(.invalidParams, "`inputResponses` must be an object", status: 200)
        }
        var writer = JSONWriter()
        writer.beginObject()
        for key in root["keys"].map({ $0.elements.compactMap(\.string) }) ?? [] {
            guard let answer = given?.member(key) else { continue }
            writer.key(key)
            writer.raw(try Self.checked(answer))
        }
        writer.endObject()
        return InputAnswers(
            spelling: spelling,
            digest: digest,
            expiry: Timestamp(milliseconds: expiry),
            upstreamState: root["state"]?.string,
            responses: writer.bytes,
            parked: root["parked"]?.string,
            leg: root["leg"]?.number?.int
        )
    }

    /// An answer to a question: what the person did, and what they wrote where they accepted.
    static func checked(_ answer: JSONNode) throws(ProtocolError) -> [UInt8] {
        guard let action = answer["action"]?.string,
            ["accept", "decline", "cancel"].contains(action),
            answer["content"] == nil || answer["content"]?.kind == .object
                || answer["content"]?.isNull == true
        else {
            throw ProtocolError(
                .invalidParams,
                "an answer needs `action`: accept, decline or cancel",
                status: 200
            )
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("action")
        writer.string(action)
        if action == "accept", let content = answer["content"], !content.isNull {
            writer.key("content")
            writer.node(content)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Whatever is wrong with it: one word for all, so that it teaches nobody anything.
    static let unknown = ProtocolError(
        .invalidParams,
        "the request state is unknown here; send the request without it",
        status: 200
    )
}
