import Base
import HTTP
import MCP

/// What is read from the head of a request.
extension HTTPAgentEndpoint {
    static func endpoint(of path: ArraySlice<UInt8>) -> Endpoint? {
        let bytes = path.span
        if bytes.isEqual("/mcp") { return .all }
        let prefix: StaticString = "/mcp/"
        guard bytes.count > prefix.utf8CodeUnitCount,
            bytes.extracting(first: prefix.utf8CodeUnitCount).isEqual(prefix)
        else { return nil }
        return ServerName(utf8: bytes.extracting(droppingFirst: prefix.utf8CodeUnitCount))
            .map { .server($0) }
    }

    static func text(_ value: ArraySlice<UInt8>?) -> String? {
        value.map { String(decoding: $0, as: UTF8.self) }
    }

    static func mirrorHeader(_ name: StaticString, _ head: RequestHead) -> String? {
        text(head[FieldName(stringLiteral: name)])
    }

    static func parameterHeader(
        _ head: RequestHead
    ) -> (@Sendable (String) -> String?) {
        { name in
            for (key, value) in head.fields
            where key.lazy.map({ $0 | 0x20 }).elementsEqual(name.utf8.lazy.map { $0 | 0x20 }) {
                return text(value)
            }
            return nil
        }
    }

    private static let deciding: [(FieldName, String)] = [
        (.mcpProtocolVersion, "MCP-Protocol-Version"), (.mcpSessionID, "Mcp-Session-Id"),
        (.mcpMethod, "Mcp-Method"), (.mcpName, "Mcp-Name"),
    ]

    /// A header that decides something must not be there twice; older revisions have no code of
    /// their own for it.
    static func refuseRepeated(
        _ head: RequestHead,
        _ meta: RequestMeta
    ) throws(ProtocolError) {
        guard head.fields.hasRepeatedName else { return }
        for (name, spelling) in deciding where head.isRepeated(name) {
            throw ProtocolError(
                meta.claimsModern ? .headerMismatch : .invalidRequest,
                "the header \(spelling) is repeated; send it once"
            )
        }
        var seen: Set<[UInt8]> = []
        for (name, _) in head.fields where isParameter(name) {
            guard seen.insert(name.map { $0 | 0x20 }).inserted else {
                throw ProtocolError(
                    .headerMismatch,
                    "an Mcp-Param header is repeated; send each once"
                )
            }
        }
    }

    static func isParameter(_ name: ArraySlice<UInt8>) -> Bool {
        let prefix = "mcp-param-".utf8
        return name.prefix(prefix.count).lazy.map { $0 | 0x20 }.elementsEqual(prefix)
    }

    static func mediaProblem(
        of head: RequestHead
    ) -> (status: HTTPStatus, message: String)? {
        guard let type = head[.contentType], MediaTypes.isJSON(type) else {
            return (.unsupportedMediaType, "Content-Type must be application/json")
        }
        guard acceptsBoth(head) else {
            return (
                .notAcceptable,
                "Accept must name application/json and text/event-stream"
            )
        }
        return nil
    }

    /// A list may come in several fields of one name (RFC 9110, 5.3).
    static func acceptsBoth(_ head: RequestHead) -> Bool {
        guard let accept = head[.accept] else { return false }
        if MediaTypes.acceptsJSONAndEvents(accept) { return true }
        guard head.isRepeated(.accept) else { return false }
        return MediaTypes.acceptsJSONAndEvents(head.fields.joined(.accept)[...])
    }
}
