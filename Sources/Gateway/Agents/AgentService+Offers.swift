import Base
import JSON
import MCP
import Screening
import System

/// Lists of what is offered, and calls of it.
extension AgentService {
    func list(
        _ kind: OfferKind,
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage
    ) async -> AgentReply {
        let view: OfferView
        switch await door.list(kind, for: inbound.principal, at: inbound.endpoint) {
        case .success(let found): view = found
        case .failure(let no):
            return reply(request.id, Self.error(no.refusal, no.verdict), inbound)
        }
        var start = 0
        if let cursor = request.params?["cursor"] {
            guard let text = cursor.string,
                let position = cursors.open(
                    text,
                    kind,
                    for: inbound.principal.key,
                    inbound.endpoint
                ),
                position.version == view.version, position.offset <= view.items.count
            else {
                return reply(
                    request.id,
                    ProtocolError(
                        .invalidParams,
                        "the cursor is unknown; list from the start",
                        status: 200
                    ),
                    inbound
                )
            }
            start = position.offset
        }
        let end = min(view.items.count, start + Limits.listPageItemCount)
        let unrecorded = await door.noteListed(
            kind,
            start..<end,
            by: inbound.principal,
            at: inbound.endpoint
        )
        if let unrecorded {
            return reply(
                request.id,
                Self.error(unrecorded.refusal, unrecorded.verdict),
                inbound
            )
        }
        let page = view.items[start..<end].map { item in
            DefinitionLowering.text(
                of: item.definition,
                named: item.name,
                for: inbound.revision
            )
        }
        let next =
            end < view.items.count
            ? cursors.seal(
                CursorPosition(version: view.version, offset: end),
                kind,
                for: inbound.principal.key,
                inbound.endpoint
            ) : nil
        return result(
            request.id,
            Opening.page(
                kind.listing?.member ?? "",
                page,
                nextCursor: next,
                revision: inbound.revision,
                serverInfo: identity,
                absent: view.absent
            )
        )
    }

    /// Inlined where messages come in: as a step of its own it cost two switches of tasks.
    @inline(__always)
    func call(
        _ kind: OfferKind,
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        let extras: CallExtras
        do throws(ProtocolError) {
            extras = try self.extras(of: request, inbound, scope, channel, cancellation)
        } catch {
            return reply(request.id, error, inbound)
        }
        let answer: CallAnswer
        if let answers = extras.answers, let id = answers.parked {
            answer = await resume(
                id,
                answers,
                kind,
                request,
                inbound,
                cancellation: cancellation
            )
        } else if inbound.revision.isModern, !extras.modes.isEmpty {
            answer = await passParking(
                kind,
                request,
                inbound,
                extras,
                channel: channel,
                cancellation: cancellation
            )
        } else {
            answer = await door.pass(
                inbound,
                request,
                of: kind,
                with: extras,
                channel: channel,
                cancellation: cancellation
            )
        }
        return reply(to: request, kind, inbound, answer)
    }

    func reply(
        to request: Message.Request,
        _ kind: OfferKind,
        _ inbound: AuthenticatedMessage,
        _ answer: CallAnswer
    ) -> AgentReply {
        switch answer {
        case .result(let screened, let verdict):
            // A large result is written once, where it is sent from.
            let body = Envelope.result(request.id, ofAbout: screened.source.count + 256) { writer in
                ResultShape.writeToolResult(
                    screened,
                    of: kind,
                    for: inbound.revision,
                    serverInfo: identity,
                    verdict: verdict,
                    text: { Screener.text(of: $0, in: screened) },
                    to: &writer
                )
            }
            return AgentReply(status: 200, body: body)
        case .refused(let refusal, let verdict) where kind != .tool:
            return reply(request.id, Self.error(refusal, verdict), inbound)
        case .refused(let refusal, let verdict):
            return result(
                request.id,
                ResultShape.refusal(
                    text: refusal.agentText,
                    for: inbound.revision,
                    serverInfo: identity,
                    verdict: verdict
                )
            )
        case .input(let asked):
            let state = states.seal(asked, for: inbound.principal.key, inbound.endpoint)
            return result(request.id, asked.result(state: state, serverInfo: identity))
        case .protocolError(let error):
            return reply(request.id, error, inbound)
        }
    }

    /// A refusal as an error, with the rule and the verdict's id: only a tool's result has a place
    /// to say no in.
    static func error(_ refusal: Refusal, _ verdict: String) -> ProtocolError {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(MetaKey.verdict)
        writer.string(verdict)
        writer.endObject()
        return ProtocolError(.refused, refusal.agentText, status: 200, data: writer.bytes)
    }

    // MARK: Writing

    func result(_ id: RequestID, _ body: [UInt8]) -> AgentReply {
        AgentReply(status: 200, body: Envelope.result(id, body))
    }

    func reply(
        _ id: RequestID?,
        _ error: ProtocolError,
        _ inbound: AuthenticatedMessage
    ) -> AgentReply {
        AgentReply(
            status: error.status,
            body: Envelope.error(id, error, for: inbound.revision)
        )
    }
}
