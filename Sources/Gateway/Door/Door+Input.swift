import Audit
import Base
import JSON
import MCP
import Screening
import System

/// What a server wants to know while it works on a call, and how it is told.
extension Door {
    /// Whether what a request continues was another one: another tool, or other arguments.
    func mismatch(of call: ToolCall) -> ProtocolError? {
        guard let answers = call.answers else { return nil }
        guard answers.spelling == call.spelling, !answers.end.isOver(at: Moment(clock)),
            answers.digest == hashing.sha256(call.arguments.bytes)
        else { return RequestStates.unknown }
        return nil
    }

    /// What makes a request the same as another: what it calls, and with which arguments.
    func signature(
        of request: Message.Request,
        _ inbound: AuthenticatedMessage,
        _ kind: OfferKind
    ) -> (spelling: String, digest: Digest)? {
        guard let call = try? ToolCall(inbound, request, of: kind, at: loop.now) else { return nil }
        return (call.spelling, hashing.sha256(call.arguments.bytes))
    }

    /// What the server hears that it may ask: what this agent declared and the operator allows it,
    /// and of what is judged by itself only what this credential may be asked.
    private func modes(_ judged: JudgedCall) -> InputModes {
        let server = judged.resolved.server
        // Most servers may ask nothing.
        if server.settings.asks.isNothing { return InputModes() }
        var modes = server.settings.asks.common(with: judged.call.modes)
        for (mode, kind) in [(InputModes.sampling, InputKind.sampling), (.roots, .roots)]
        where modes.contains(mode) && !(kind == .roots && !server.settings.asks.roots.isEmpty) {
            let isSeen = server.question(kind).map { judged.principal.sees($0) } ?? false
            if !isSeen { modes.remove(mode) }
        }
        if !modes.contains(.sampling) { modes.remove(.samplingTools) }
        return modes
    }

    /// Sends the call; where the server asks first and the agent can be asked at once, as often as
    /// it asks, up to a bound.
    ///
    /// What the verdict rests on is read again before each leg.
    @inline(__always)
    func converse(
        _ judged: JudgedCall,
        _ first: ServerCall,
        channel: any ReplyChannel,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let modes = modes(judged)
        var call = first
        // The wait for a person is over: the server hears of its own questions only.
        if let given = judged.call.given {
            guard await noteAnswered(given, during: judged) else {
                throw UpstreamFailure(.cancelled, "its answer cannot be recorded")
            }
            let isEmpty = given.responses.bytes == Array("{}".utf8)
            call = first.answering(isEmpty ? nil : given.responses.bytes, given.state)
        }
        var questions: QuestionSink?
        if !judged.resolved.server.settings.asks.modes.isEmpty {
            let count = QuestionCount()
            questions = { asked in
                await self.answer(asked, during: judged, count, channel, cancellation)
            }
        }
        for round in 0...Limits.inputRoundCount {
            let answer: UpstreamAnswer
            do throws(UpstreamFailure) {
                answer = try await judged.resolved.server.client.call(
                    call,
                    wantsProgress: judged.call.progressToken != nil,
                    logLevel: judged.call.logLevel,
                    // The log names our part of the trace: it is the call's own id.
                    traceparent: judged.call.trace?.child(span: judged.id),
                    modes: modes,
                    questions: questions,
                    timeout: judged.resolved.server.settings.callTimeout,
                    // The client lives on this loop and asks right before it sends: a server that
                    // slept may have taken a while to start.
                    isStillAllowed: { (self as any CallRules).allows(judged) },
                    cancellation: cancellation,
                    notifications: notifications
                )
            } catch {
                // The server has had the call: what it did before it asked is not known.
                guard round > 0, error.kind == .notSent else { throw error }
                throw UpstreamFailure(.lost, error.description)
            }
            guard case .input(let node) = answer else { return answer }
            let request: InputRequest
            do throws(Elicitation.Problem) {
                request = try input(node, of: judged)
            } catch {
                throw UpstreamFailure(.invalidAnswer, error.description)
            }
            // An agent of 2026-07-28 brings a person's answers with a request of its own; for what is
            // judged by itself its call waits.
            guard !judged.call.revision.isModern || request.isJudgedAlone else { return answer }
            guard !request.questions.isEmpty else {
                // It wants to be asked again, and nothing else (2026-07-28, basic/patterns/mrtr).
                try await rest(after: round, cancellation)
                call = first.answering(nil, request.upstreamState)
                continue
            }
            call = first.answering(
                try await responses(to: request, during: judged, channel, cancellation),
                request.upstreamState
            )
        }
        throw UpstreamFailure(.invalidAnswer, "it asks without an end")
    }

    /// Longer with each round, so that a server that needs time has some.
    private func rest(
        after round: Int,
        _ cancellation: CallCancellation
    ) async throws(UpstreamFailure) {
        let wait = min(Limits.inputRest * (1 << round), Limits.inputRestMaximum)
        try? await loop.sleep(for: wait)
        guard !cancellation.isCancelled else { throw UpstreamFailure(.cancelled, "called off") }
    }

    /// One after another: a person reads one question at a time.
    private func responses(
        to request: InputRequest,
        during judged: JudgedCall,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) async throws(UpstreamFailure) -> [UInt8] {
        var told: [(key: String, value: [UInt8])] = []
        var written: [(key: String, value: [UInt8])] = []
        for question in request.questions {
            if question.kind == .elicitation {
                if let answer = await askPerson(question, during: judged), answer != Self.cancelled
                {
                    written.append((question.key, answer))
                }
                continue
            }
            switch await ask(question.kind, question.params, during: judged, channel, cancellation)
            {
            case .success(let bytes): told.append((question.key, bytes))
            // The protocol has no word for it: a server cannot be told no (2026-07-28,
            // basic/patterns/mrtr).
            case .failure(let no): throw UpstreamFailure(.cancelled, no.text)
            }
        }
        let admitted =
            written.isEmpty
            ? nil
            : await admit(
                Self.object(written),
                to: request.asked,
                during: judged,
                channel,
                cancellation
            )
        for question in request.questions where question.kind == .elicitation {
            let answer = admitted?.member(question.key)
            told.append((question.key, answer.map { Array($0.source) } ?? Self.cancelled))
        }
        return Self.object(told)
    }

    /// A question that a server of a handshake revision asks during a call.
    private func answer(
        _ asked: Message.Request,
        during judged: JudgedCall,
        _ count: QuestionCount,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) async -> [UInt8] {
        do throws(Elicitation.Problem) {
            count.value += 1
            guard count.value <= Limits.inputRoundCount else {
                throw Elicitation.Problem(description: "it asks without an end")
            }
            let question = try question("", asked.method, asked.params, of: judged)
            guard question.kind == .elicitation else {
                let answer = await ask(
                    question.kind,
                    question.params,
                    during: judged,
                    channel,
                    cancellation
                )
                switch answer {
                case .success(let bytes): return Envelope.result(asked.id, bytes)
                case .failure(let no):
                    let error = ProtocolError(.refused, no.text)
                    return Envelope.error(asked.id, error, for: .newestLegacy)
                }
            }
            guard let written = await askPerson(question, during: judged),
                written != Self.cancelled
            else {
                return Envelope.result(asked.id, Self.cancelled)
            }
            let key = "answer"
            let answers = Self.object([(key, written)])
            let shown = Self.object([(key, question.params)])
            let admitted = await admit(answers, to: shown, during: judged, channel, cancellation)
            let bytes = admitted?.member(key).map { Array($0.source) }
            return Envelope.result(asked.id, bytes ?? Self.cancelled)
        } catch {
            noteUnasked(error.description, during: judged)
            return Envelope.error(
                asked.id,
                ProtocolError(.invalidParams, "refused: \(error.description)"),
                for: .newestLegacy
            )
        }
    }

    /// How often a server asked during one call; lives on the loop.
    private final class QuestionCount: @unchecked Sendable { var value = 0 }

    // MARK: Answers that come with the next request

    /// What a server wants to know, checked; or why it is not asked.
    private func input(
        _ node: JSONNode,
        of judged: JudgedCall
    ) throws(Elicitation.Problem) -> InputRequest {
        let state = node["requestState"]
        guard state == nil || state?.kind == .string,
            (state?.source.count ?? 0) <= Limits.requestStateByteCount
        else { throw Elicitation.Problem(description: "its `requestState` is no short text") }
        let entries = node["inputRequests"]
        guard entries != nil || state != nil, entries == nil || entries?.kind == .object,
            (entries?.count ?? 0) <= Limits.inputQuestionCount
        else { throw Elicitation.Problem(description: "it asks for nothing that can be answered") }
        var questions: [InputQuestion] = []
        for (key, entry) in entries?.members.map({ ($0.key, $0.value) }) ?? [] {
            let method = entry["method"]?.string ?? "?"
            questions.append(try question(key.text, method, entry["params"], of: judged))
        }
        return InputRequest(
            questions: questions,
            upstreamState: state?.string,
            spelling: judged.call.spelling,
            digest: judged.digest
        )
    }

    /// One thing a server asks, as an agent may be asked it; or why nobody is.
    private func question(
        _ key: String,
        _ method: String,
        _ params: JSONNode?,
        of judged: JudgedCall
    ) throws(Elicitation.Problem) -> InputQuestion {
        let server = judged.resolved.server
        let modes = modes(judged)
        switch InputKind(rawValue: method) {
        case .elicitation:
            let asked = try Elicitation(
                params,
                from: server.name,
                modes: modes,
                screener: screener
            )
            return InputQuestion(key: key, kind: .elicitation, params: asked.params)
        case .sampling where modes.contains(.sampling):
            let asked = try SamplingQuestion(
                params,
                tokenCount: server.settings.asks.samplingTokenCount,
                givesTools: modes.contains(.samplingTools),
                screener: screener
            )
            return InputQuestion(key: key, kind: .sampling, params: asked.params)
        case .roots where modes.contains(.roots):
            return InputQuestion(key: key, kind: .roots, params: Array("{}".utf8))
        default:
            throw Elicitation.Problem(
                description: "it asks by `\(printable(method, limit: 64))`, not declared"
            )
        }
    }

    /// The call ends here; its agent sends another one with the answers, which is judged anew.
    func requestInput(
        _ judged: JudgedCall,
        _ result: UpstreamResult,
        _ node: JSONNode
    ) async -> CallAnswer {
        let request: InputRequest
        do throws(Elicitation.Problem) {
            request = try input(node, of: judged)
        } catch {
            return await withhold(judged, result, .fault, .upstreamFault, error.description)
        }
        guard await noteAsked(request.questions, during: judged) else {
            return await withhold(
                judged,
                result,
                .withheld,
                .evidenceUnavailable,
                "its question cannot be recorded"
            )
        }
        await settleInOrder(
            judged,
            OutcomeDetail(
                status: .ok,
                duration: result.duration,
                result: "asks before it goes on: "
                    + request.questions.map { String(decoding: $0.params, as: UTF8.self) }
                    .joined(separator: " ").prefix(1024)
            ),
            received: result.bytes
        )
        return .input(request)
    }
}
