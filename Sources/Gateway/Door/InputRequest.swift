package import Base
package import JSON
package import MCP

/// An agent and the person behind it, as far as its revision lets us ask them during a call.
package protocol InputAsking: Sendable {
    /// Asks with these parameters; the answer's result, or nil for none.
    func ask(_ kind: InputKind, _ params: [UInt8]) async -> JSONNode?
}

/// One thing a server wants to know, under its own key.
package struct InputQuestion: Sendable {
    let key: String
    let kind: InputKind
    let params: [UInt8]

    /// The form that is shown; nil where there is none to fill in.
    var form: JSONNode? {
        guard kind == .elicitation else { return nil }
        return (try? JSONDocument(parsing: params))?.root["requestedSchema"]
    }
}

/// What a request brings along that continues an earlier one (2026-07-28, basic/patterns/mrtr).
package struct InputAnswers: Sendable {
    /// What the request before it was.
    package let spelling: String
    package let digest: Digest
    /// When it continues nothing any more.
    package let end: Deadline
    /// The server's own state, to be given back as it was; nil where it gave none.
    package let upstreamState: String?
    /// Answers to what it asked, by its keys, as one object in JSON text.
    package let responses: [UInt8]
    /// What people were asked, by the same keys, as they were shown it.
    let asked: [UInt8]
    /// The call that waits for them; nil where the server is sent another one.
    let parked: String?
    /// Set where nothing is continued but the wait for a person, and how often it was by now.
    let leg: Int?
}

/// What a server wants to know before it goes on.
package struct InputRequest: Sendable {
    package let questions: [InputQuestion]
    package let upstreamState: String?
    package let spelling: String
    package let digest: Digest
    /// The call that waits for the answer, where it does.
    var parked: String?
    /// How often the agent was sent to wait on, where it is that.
    var leg: Int?

    /// What people are asked, by the server's keys, as they are shown it.
    var asked: [UInt8] {
        Door.object(
            questions.filter { $0.kind == .elicitation }.map { (key: $0.key, value: $0.params) }
        )
    }

    /// Whether something of it is judged like a call of its own.
    var isJudgedAlone: Bool { questions.contains { $0.kind != .elicitation } }

    /// The result an agent of 2026-07-28 is given; `state` is ours.
    func result(state: String, serverInfo: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resultType")
        writer.string("input_required")
        if !questions.isEmpty {
            writer.key("inputRequests")
            writer.beginObject()
            for question in questions {
                writer.key(question.key)
                writer.beginObject()
                writer.key("method")
                writer.string(question.kind.rawValue)
                writer.key("params")
                writer.raw(question.params)
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
package struct RequestStates {
    let sealing: any CursorSealing
    let clock: any Clock

    package init(sealing: any CursorSealing, clock: any Clock) {
        self.sealing = sealing
        self.clock = clock
    }

    func seal(_ request: InputRequest, for principal: PrincipalKey, _ endpoint: Endpoint) -> String
    {
        var writer = JSONWriter()
        writer.beginObject()
        // On both clocks: a wall clock that is set back makes no state live longer.
        let end = Deadline(after: Limits.requestStateTime, from: Moment(clock))
        writer.key("expiry")
        writer.number(end.timestamp.milliseconds)
        writer.key("instant")
        writer.string("\(end.instant.nanoseconds)")
        writer.key("spelling")
        writer.string(request.spelling)
        writer.key("digest")
        writer.string(request.digest.description)
        writer.key("keys")
        writer.beginObject()
        for question in request.questions {
            writer.key(question.key)
            writer.string(question.kind.rawValue)
        }
        writer.endObject()
        writer.key("asked")
        writer.raw(request.asked)
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
    package func answers(
        in params: JSONNode?,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) throws(ProtocolError) -> InputAnswers? {
        let given = params?["inputResponses"]
        guard let node = params?["requestState"] else {
            guard given == nil else { throw Self.unknown }
            return nil
        }
        guard let text = node.string, text.utf8.count <= Limits.sealedStateByteCount,
            let plain = sealing.open(state: text, for: principal, endpoint),
            let root = try? JSONDocument(parsing: plain).root,
            let end = end(of: root), let spelling = root["spelling"]?.string,
            let bytes = root["digest"]?.string.flatMap({ Hex.decode($0[...]) }),
            let digest = Digest(bytes: bytes)
        else { throw Self.unknown }
        guard given == nil || given?.kind == .object else {
            throw ProtocolError(.invalidParams, "`inputResponses` must be an object", status: 200)
        }
        var writer = JSONWriter()
        writer.beginObject()
        for (key, method) in root["keys"]?.members.map({ ($0.key, $0.value) }) ?? [] {
            guard let answer = given?.member(key.text),
                let kind = method.string.flatMap({ InputKind(rawValue: $0) })
            else { continue }
            writer.key(key)
            let form = root["asked"]?.member(key.text)?["requestedSchema"]
            writer.raw(try Self.checked(answer, to: kind, form: form))
        }
        writer.endObject()
        return InputAnswers(
            spelling: spelling,
            digest: digest,
            end: end,
            upstreamState: root["state"]?.string,
            responses: writer.bytes,
            asked: root["asked"].map { Array($0.source) } ?? Array("{}".utf8),
            parked: root["parked"]?.string,
            leg: root["leg"]?.number?.int
        )
    }

    /// The end a state was sealed with; nil where it is over.
    private func end(of state: JSONNode) -> Deadline? {
        guard let expiry = state["expiry"]?.number?.int64,
            let instant = state["instant"]?.string.flatMap({ UInt64($0) })
        else { return nil }
        let now = Moment(clock)
        let end = Deadline(
            written: Timestamp(milliseconds: expiry),
            Instant(nanoseconds: instant),
            life: Limits.requestStateTime,
            at: now
        )
        return end.flatMap { $0.isOver(at: now) ? nil : $0 }
    }

    /// An answer to a question, with nothing in it but what the protocol has there.
    ///
    /// - Parameters:
    ///   - form: what the person was shown to fill in; nil where there was nothing.
    ///   - tools: the names of those the model was given; nil where they are not known yet.
    package static func checked(
        _ answer: JSONNode,
        to kind: InputKind,
        form: JSONNode? = nil,
        tools: Set<String>? = nil
    ) throws(ProtocolError) -> [UInt8] {
        switch kind {
        case .elicitation: try decision(answer, form)
        case .sampling: try message(answer, tools)
        case .roots: try folders(answer)
        }
    }

    /// What the person did, and what they wrote where they accepted.
    private static func decision(
        _ answer: JSONNode,
        _ form: JSONNode?
    ) throws(ProtocolError) -> [UInt8] {
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
        if action == "accept", let form {
            let content = try content(of: answer)
            let problem: String?
            do throws(Elicitation.Problem) {
                problem = try ElicitationForm(form).problem(with: content)
            } catch {
                problem = error.description
            }
            if let problem { throw ProtocolError(.invalidParams, problem, status: 200) }
            writer.key("content")
            writer.node(content)
        }
        writer.endObject()
        return writer.bytes
    }

    /// What was written into a form; without a word, nothing.
    private static func content(of answer: JSONNode) throws(ProtocolError) -> JSONNode {
        if let content = answer["content"], !content.isNull { return content }
        guard let nothing = try? JSONDocument(parsing: Array("{}".utf8)).root else {
            throw unknown
        }
        return nothing
    }

    /// What a model said, and which of the tools it was given it wants to use.
    private static func message(
        _ answer: JSONNode,
        _ tools: Set<String>?
    ) throws(ProtocolError) -> [UInt8] {
        guard let content = answer["content"], SamplingTools.isAnswer(content, using: tools),
            answer["role"]?.kind == .string, answer["model"]?.kind == .string,
            answer.source.count <= Limits.samplingByteCount
        else {
            throw ProtocolError(
                .invalidParams,
                "an answer of a model needs `role`, `model` and `content` of texts, pictures, sounds "
                    + "and uses of the tools it was given, in at most "
                    + "\(Limits.samplingByteCount) bytes",
                status: 200
            )
        }
        var writer = JSONWriter()
        writer.beginObject()
        for (key, value) in answer.members
        where ["role", "content", "model", "stopReason"].contains(key.text) {
            writer.key(key)
            writer.node(value)
        }
        writer.endObject()
        return writer.bytes
    }

    /// The folders an agent works in: `file` addresses, and what it calls them.
    private static func folders(_ answer: JSONNode) throws(ProtocolError) -> [UInt8] {
        guard let roots = answer["roots"], roots.kind == .array, roots.count <= Limits.rootCount,
            roots.elements.allSatisfy({
                let uri = $0["uri"]?.string ?? ""
                return uri.hasPrefix("file://") && uri.utf8.count <= 4096
            })
        else {
            throw ProtocolError(
                .invalidParams,
                "`roots` must list at most \(Limits.rootCount) folders by `file://` addresses",
                status: 200
            )
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("roots")
        writer.beginArray()
        for root in roots.elements {
            writer.beginObject()
            writer.key("uri")
            writer.string(root["uri"]?.string ?? "")
            if let name = root["name"]?.string, name.utf8.count <= 256 {
                writer.key("name")
                writer.string(name)
            }
            writer.endObject()
        }
        writer.endArray()
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
