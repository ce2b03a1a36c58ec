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
        guard answers.spelling == call.spelling, clock.timestamp < answers.expiry,
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

    /// What this agent declared and the operator allows this server.
    private func modes(_ judged: JudgedCall) -> InputModes {
        judged.call.modes.intersection(judged.resolved.server.settings.elicitation)
    }

    /// Sends the call; where the server asks first and the agent can be asked at once, as often as
    /// it asks, up to a bound.
    ///
    /// What the verdict rests on is read again before each leg.
    func converse(
        _ judged: JudgedCall,
        _ first: ServerCall,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let modes = modes(judged)
        var call = first
        // The wait for a person is over: the server hears of its own questions only.
        if let answers = judged.call.answers, answers.leg == nil {
            call = first.answering(answers.responses, answers.upstreamState)
        }
        var questions: QuestionSink?
        if !judged.resolved.server.settings.elicitation.isEmpty {
            questions = { asked in await self.answer(asked, during: judged) }
        }
        for _ in 0...Limits.inputRoundCount {
            let answer = try await judged.resolved.server.client.call(
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
                isStillAllowed: { self.assumeIsolated { $0.changed(since: judged) == nil } },
                cancellation: cancellation,
                notifications: notifications
            )
            // An agent of 2026-07-28 brings the answers with a request of its own.
            guard case .input(let node) = answer, !judged.call.revision.isModern,
                let asking = judged.call.asking
            else { return answer }
            let request: InputRequest
            do throws(Elicitation.Problem) {
                request = try input(node, of: judged)
            } catch {
                throw UpstreamFailure(.invalidAnswer, error.description)
            }
            call = first.answering(
                await responses(to: request, by: asking),
                request.upstreamState
            )
        }
        throw UpstreamFailure(.invalidAnswer, "it asks without an end")
    }

    /// One after another: a person reads one question at a time.
    private func responses(
        to request: InputRequest,
        by asking: any InputAsking
    ) async -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (key, params) in request.questions {
            let answer = await asking.ask(params)
            writer.key(key)
            writer.raw(answer.flatMap { try? RequestStates.checked($0) } ?? Self.cancelled)
        }
        writer.endObject()
        return writer.bytes
    }

    private static let cancelled = Array(#"{"action":"cancel"}"#.utf8)

    /// A question that a server of a handshake revision asks during a call.
    private func answer(_ asked: Message.Request, during judged: JudgedCall) async -> [UInt8] {
        do throws(Elicitation.Problem) {
            let question = try Elicitation(
                asked.params,
                from: judged.tool.reference.server,
                modes: modes(judged),
                screener: screener
            )
            let answer = await judged.call.asking?.ask(question.params)
            // A lockdown or a new rule since then holds for what the server is told, too.
            guard changed(since: judged) == nil else {
                return Envelope.result(asked.id, Self.cancelled)
            }
            let bytes = answer.flatMap { try? RequestStates.checked($0) }
            return Envelope.result(asked.id, bytes ?? Self.cancelled)
        } catch {
            return Envelope.error(
                asked.id,
                ProtocolError(.invalidParams, "refused: \(error.description)"),
                for: .newestLegacy
            )
        }
    }

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
        var questions: [(key: String, params: [UInt8])] = []
        for (key, entry) in entries?.members.map({ ($0.key, $0.value) }) ?? [] {
            guard entry["method"]?.isString("elicitation/create") == true else {
                throw Elicitation.Problem(
                    description: "it asks by "
                        + "`\(printable(entry["method"]?.string ?? "?", limit: 64))`, not declared"
                )
            }
            let question = try Elicitation(
                entry["params"],
                from: judged.tool.reference.server,
                modes: modes(judged),
                screener: screener
            )
            questions.append((key.text, question.params))
        }
        return InputRequest(
            questions: questions,
            upstreamState: state?.string,
            spelling: judged.call.spelling,
            digest: judged.digest
        )
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
