import Base
import JSON
import MCP
import System

/// A call of 2026-07-28 whose server asks during it: the call goes on while the agent fetches the
/// answer, and the agent's next request finds it again.
///
/// Touched by its service only.
final class ParkedCall {
    enum Event {
        case asked(InputKind, [UInt8])
        case done(CallAnswer)
    }

    let principal: PrincipalKey
    let endpoint: Endpoint
    let cancellation: CallCancellation
    /// What the request that is open now waits for.
    var event: Pending<Event>
    /// What the server waits for.
    var answer: Pending<JSONNode?>?

    init(
        principal: PrincipalKey,
        endpoint: Endpoint,
        cancellation: CallCancellation,
        loop: EventLoop
    ) {
        self.principal = principal
        self.endpoint = endpoint
        self.cancellation = cancellation
        event = Pending(on: loop)
    }

    /// Whether one more call of that credential may wait: what one uses up is missing for its own
    /// calls first.
    static func hasRoom(
        among parked: some Collection<ParkedCall>,
        for principal: PrincipalKey
    ) -> Bool {
        parked.count < Limits.parkedCallCount
            && parked.count { $0.principal == principal } < Limits.parkedCallCountPerPrincipal
    }
}

extension AgentService {
    /// The key of the one question a parked call has.
    private static let questionKey = "answer"

    /// Passes the door, in a task of its own that a question does not end.
    func passParking(
        _ kind: OfferKind,
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        _ extras: CallExtras,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        guard ParkedCall.hasRoom(among: parked.values, for: inbound.principal.key) else {
            return await door.pass(
                inbound,
                request,
                of: kind,
                with: extras,
                channel: channel,
                cancellation: cancellation
            )
        }
        let id = Hex.encode(random.bytes(count: 16))
        let call = ParkedCall(
            principal: inbound.principal.key,
            endpoint: inbound.endpoint,
            cancellation: cancellation,
            loop: loop
        )
        parked[id] = call
        var extras = extras
        extras.asking = ParkingAsking(service: self, id: id)
        // Ends with the call, which has its deadlines, and a bound for each answer.
        loop.spawn { [door, extras] in
            let answer = await door.pass(
                inbound,
                request,
                of: kind,
                with: extras,
                channel: channel,
                cancellation: cancellation
            )
            await self.finish(id, answer)
        }
        return await next(of: call, id, kind, request, inbound)
    }

    /// The request that brings the answer: the call goes on, if it is the same still.
    func resume(
        _ id: String,
        _ answers: InputAnswers,
        _ kind: OfferKind,
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        let signature = await door.signature(of: request, inbound, kind)
        guard let call = parked[id], call.principal == inbound.principal.key,
            call.endpoint == inbound.endpoint, let waiting = call.answer, !waiting.isSettled,
            signature?.spelling == answers.spelling, signature?.digest == answers.digest,
            let given = try? JSONDocument(parsing: answers.responses).root
        else { return .protocolError(RequestStates.unknown) }
        call.event = Pending(on: loop)
        let running = call.cancellation
        let key = cancellation.onCancel { running.cancel(.disconnected) }
        defer { cancellation.remove(key) }
        waiting.fulfil(given.member(Self.questionKey))
        return await next(of: call, id, kind, request, inbound)
    }

    /// What becomes of the call next: its end, or a question.
    private func next(
        of call: ParkedCall,
        _ id: String,
        _ kind: OfferKind,
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage
    ) async -> CallAnswer {
        switch try? await call.event.value() {
        case .done(let answer): return answer
        case .asked(let question, let params):
            guard let signature = await door.signature(of: request, inbound, kind) else {
                return .protocolError(RequestStates.unknown)
            }
            return .input(
                InputRequest(
                    questions: [
                        InputQuestion(key: Self.questionKey, kind: question, params: params)
                    ],
                    upstreamState: nil,
                    spelling: signature.spelling,
                    digest: signature.digest,
                    parked: id
                )
            )
        case nil: return .protocolError(RequestStates.unknown)
        }
    }

    /// A question of the server; waits for the answer that another request brings.
    fileprivate func park(
        _ id: String,
        _ kind: InputKind,
        _ params: [UInt8]
    ) async -> JSONNode? {
        guard let call = parked[id], !call.event.isSettled else { return nil }
        let answer = Pending<JSONNode?>(on: loop)
        call.answer = answer
        call.event.fulfil(.asked(kind, params))
        let key = call.cancellation.onCancel { [weak self] in
            self?.assumeIsolated { $0.parked[id]?.answer?.fulfil(nil) }
        }
        defer { call.cancellation.remove(key) }
        let given = try? await answer.value(until: loop.now.advanced(by: Limits.inputTime))
        call.answer = nil
        return given ?? nil
    }

    /// The call ended; where nobody waits for it any more, its record is all that stays.
    private func finish(_ id: String, _ answer: CallAnswer) {
        parked.removeValue(forKey: id)?.event.fulfil(.done(answer))
    }
}

private struct ParkingAsking: InputAsking {
    let service: AgentService
    let id: String

    func ask(_ kind: InputKind, _ params: [UInt8]) async -> JSONNode? {
        await service.park(id, kind, params)
    }
}
