import Base
import HTTP
import JSON
import MCP
import System

/// Several messages in one array, which 2025-03-26 alone has (2025-03-26, basic/index, "Batching").
///
/// Each is a message of its own: read, judged, recorded and answered alone.
enum Batch {
    /// The members, or what is wrong with the array.
    static func members(_ root: JSONNode) throws(ProtocolError) -> [JSONNode] {
        guard root.count > 0, root.count <= Limits.batchCount else {
            throw ProtocolError(
                .invalidRequest,
                "a batch has 1 to \(Limits.batchCount) messages"
            )
        }
        return root.elements.map { $0 }
    }

    static func answer(_ bodies: [[UInt8]]) -> [UInt8]? {
        guard !bodies.isEmpty else { return nil }
        var writer = JSONWriter()
        writer.beginArray()
        for body in bodies { writer.raw(body) }
        writer.endArray()
        return writer.bytes
    }
}

extension AgentService {
    /// Answers a batch, one message after another; the answers as one array, nil where none is due.
    func handle(
        batch members: [JSONNode],
        of revision: Revision,
        _ principal: Principal,
        _ endpoint: Endpoint,
        session: Sessions.Session,
        scope: ObjectIdentifier,
        cancellation: CallCancellation
    ) async -> [UInt8]? {
        var bodies: [[UInt8]] = []
        for member in members {
            let message: Message
            do throws(MalformedMessage) {
                message = try Message(member)
            } catch {
                bodies.append(Envelope.error(error.id, error.error, for: revision))
                continue
            }
            if case .request(let request) = message, request.method == "initialize" {
                let problem = ProtocolError(
                    .invalidRequest,
                    "`initialize` is in no batch; send it alone"
                )
                bodies.append(Envelope.error(request.id, problem, for: revision))
                continue
            }
            let meta = RequestMeta(of: message.params)
            guard !meta.claimsModern else {
                let problem = ProtocolError(
                    .invalidRequest,
                    "a batch is of its session's revision; send what names another alone"
                )
                if case .request(let request) = message {
                    bodies.append(Envelope.error(request.id, problem, for: revision))
                }
                continue
            }
            let inbound = AuthenticatedMessage(
                principal: principal,
                endpoint: endpoint,
                revision: revision,
                message: message,
                meta: meta,
                session: session,
                parameterHeader: nil
            )
            let reply = await handle(
                inbound,
                scope: scope,
                channel: SilentChannel(),
                cancellation: cancellation
            )
            if let body = reply.body { bodies.append(body) }
        }
        return Batch.answer(bodies)
    }
}

/// A batch is answered whole; what would come before an answer has no place in it.
private struct SilentChannel: ReplyChannel {
    let carriesQuestions = false
    func notify(_ message: [UInt8]) async {}
    func keepAlive() async {}
}
