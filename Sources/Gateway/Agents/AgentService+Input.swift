import Base
import JSON
import MCP
import System

/// Questions of servers to agents and the people behind them.
extension AgentService {
    /// What an agent of a handshake revision was asked: the answer counts from the same credential
    /// in the same session only.
    struct AskedKey: Hashable {
        let principal: PrincipalKey
        let scope: ObjectIdentifier
        let id: String
    }

    var states: RequestStates { RequestStates(sealing: cursors, clock: clock) }

    /// What the agent of this request can do, and what it continues.
    func extras(
        of request: Message.Request,
        _ inbound: AuthenticatedMessage,
        _ scope: ObjectIdentifier,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) throws(ProtocolError) -> CallExtras {
        var extras = CallExtras()
        extras.logLevel = logLevel(of: inbound)
        guard inbound.revision.isModern else {
            guard let session = inbound.session else { return extras }
            extras.modes = session.modes
            // Nothing is asked before the agent said that it is ready (2025-11-25, basic/lifecycle).
            if !extras.modes.isEmpty, channel.carriesQuestions, session.isInitialized {
                extras.asking = SessionAsking(
                    service: self,
                    principal: inbound.principal.key,
                    scope: scope,
                    channel: channel,
                    cancellation: cancellation
                )
            }
            return extras
        }
        extras.modes = InputModes(
            declaredBy: inbound.meta.clientCapabilities,
            in: inbound.revision
        )
        extras.answers = try states.answers(
            in: request.params,
            for: inbound.principal.key,
            inbound.endpoint
        )
        return extras
    }

    /// Sends a question on the stream of the call it is about, and waits for the answer.
    func ask(
        _ kind: InputKind,
        _ params: [UInt8],
        _ principal: PrincipalKey,
        _ scope: ObjectIdentifier,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) async -> JSONNode? {
        let key = AskedKey(
            principal: principal,
            scope: scope,
            id: Hex.encode(random.bytes(count: 16))
        )
        let pending = Pending<JSONNode?>(on: loop)
        asked[key] = pending
        defer { asked[key] = nil }
        let registration = cancellation.onCancel { [weak self] in
            self?.assumeIsolated { $0.asked[key]?.fulfil(nil) }
        }
        defer { cancellation.remove(registration) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("jsonrpc")
        writer.string("2.0")
        writer.key("id")
        writer.string(key.id)
        writer.key("method")
        writer.string(kind.rawValue)
        writer.key("params")
        writer.raw(params)
        writer.endObject()
        await channel.notify(writer.bytes)
        let answer = try? await pending.value(until: loop.now.advanced(by: Limits.inputTime))
        return answer ?? nil
    }

    /// An answer to something that was asked; what nobody asked is nobody's answer.
    func take(
        _ response: Message.Response,
        _ inbound: AuthenticatedMessage,
        scope: ObjectIdentifier
    ) {
        guard case .string(let id) = response.id else { return }
        let key = AskedKey(principal: inbound.principal.key, scope: scope, id: id.text)
        guard case .result(let node) = response.outcome else {
            asked[key]?.fulfil(nil)
            return
        }
        asked[key]?.fulfil(node)
    }
}

/// Asks an agent of a handshake revision.
private struct SessionAsking: InputAsking {
    let service: AgentService
    let principal: PrincipalKey
    let scope: ObjectIdentifier
    let channel: any ReplyChannel
    let cancellation: CallCancellation

    func ask(_ kind: InputKind, _ params: [UInt8]) async -> JSONNode? {
        await service.ask(kind, params, principal, scope, channel, cancellation)
    }
}
