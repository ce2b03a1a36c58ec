import Base
import HTTP
import JSON
import MCP

/// What the body of a response says.
extension HTTPTransport {
    /// One response as JSON, or what HTTP has to say instead of one.
    func read(
        _ body: [UInt8],
        _ status: HTTPStatus,
        of request: UpstreamRequest,
        _ opened: UInt64
    ) throws(UpstreamFailure) -> UpstreamAnswer {
        if status.code == 404, session != nil, !request.revision.isModern {
            if opened == generation { session = nil }
            beginAnew(after: request, opened)
            return .error(code: -32600, message: "the server ended its session; call again")
        }
        let isRefused = (300..<500).contains(status.code)
        let document = try? JSONDocument(parsing: body, limits: .result)
        if let root = document?.root, let result = Self.result(of: root, to: request.id) {
            return .result(result)
        }
        if let document, case .response(let answer) = try? Message(document.root),
            answer.id == .integer(request.id) || isRefused
        {
            // -32020: the server marks other arguments than the definition we know of
            // (2026-07-28, server/tools). A new definition waits for a person, so that the call
            // is not repeated; only the list is read anew. -32022: it speaks other revisions now.
            switch answer.outcome {
            case .error(-32022, _, _), .error(-32020, _, _): beginAnew(after: request, opened)
            case .error, .result: break
            }
            return UpstreamAnswer(answer.outcome)
        }
        // An error without an id on a request's own response is about that request; one that something
        // between may have made says nothing of what was done.
        if (200..<500).contains(status.code), ![401, 403].contains(status.code), let document,
            let refusal = Message.errorWithoutID(document.root)
        {
            if [400, 404, 405].contains(status.code) { beginAnew(after: request, opened) }
            return UpstreamAnswer(refusal)
        }
        // Nothing with such a status was carried out; of any other that is not known.
        guard isRefused else {
            throw UpstreamFailure(
                .invalidAnswer,
                "HTTP \(status.code) without a response of the protocol"
            )
        }
        if [400, 404, 405].contains(status.code) { beginAnew(after: request, opened) }
        return .error(code: -32603, message: Self.words(for: status))
    }

    private static func words(for status: HTTPStatus) -> String {
        switch status.code {
        case 300..<400: "HTTP \(status.code): redirects are not followed"
        case 401, 403: "HTTP \(status.code): the server does not take the credential"
        default: "HTTP \(status.code)"
        }
    }

    private static let keys = JSONKeys("jsonrpc", "id", "result")

    /// The result in a message that has nothing else and is the answer to that request, as nearly all
    /// are; nil for any other, which is read as what it is.
    private static func result(of root: JSONNode, to id: Int64) -> JSONNode? {
        guard root.count == 3 else { return nil }
        let members = root.members(keys)
        guard let version = members[0], version.isString("2.0"), let number = members[1],
            number.kind == .number, let result = members[2]
        else { return nil }
        var read: Int64 = 0
        for byte in number.source {
            guard byte >= 0x30, byte <= 0x39, read < .max / 10 - 1 else { return nil }
            read = read * 10 + Int64(byte - 0x30)
        }
        return read == id ? result : nil
    }
}
