import Base
import HTTP
import JSON
import MCP
import System

extension HTTPAgentEndpoint {
    /// Answers an array in a session of 2025-03-26; false for any other, which is no message.
    func batch(
        _ exchange: Exchange,
        _ root: JSONNode,
        _ principal: Principal,
        _ endpoint: Endpoint
    ) async -> Bool {
        let head = exchange.head
        guard let id = head[.mcpSessionID], !head.isRepeated(.mcpSessionID),
            let session = session(id, principal, endpoint), session.revision == .r2025_03_26
        else { return false }
        if let problem = Self.versionProblem(of: head, in: .r2025_03_26) {
            await answer(exchange, nil, problem)
            return true
        }
        let members: [JSONNode]
        do throws(ProtocolError) {
            members = try Batch.members(root)
        } catch {
            await answer(exchange, nil, error)
            return true
        }
        let body = await service.handle(
            batch: members,
            of: .r2025_03_26,
            principal,
            endpoint,
            session: session,
            scope: ObjectIdentifier(session),
            cancellation: CallCancellation()
        )
        guard let body else {
            await exchange.respond(HTTPStatus(code: 202))
            return true
        }
        await exchange.respond(.ok, HTTPReplyChannel.json, body: body)
        return true
    }
}
