package import JSON

/// The reserved `_meta` keys of 2026-07-28 (basic/index, "_meta").
package enum MetaKey {
    package static let protocolVersion: StaticString = "io.modelcontextprotocol/protocolVersion"
    package static let clientCapabilities: StaticString =
        "io.modelcontextprotocol/clientCapabilities"
    package static let clientInfo: StaticString = "io.modelcontextprotocol/clientInfo"
    package static let serverInfo: StaticString = "io.modelcontextprotocol/serverInfo"
    package static let logLevel: StaticString = "io.modelcontextprotocol/logLevel"
    /// Our own key on results: the id of the verdict.
    package static let verdict = "dev.gatehouse/verdict"
    /// Our own key on lists: servers that could not be asked.
    package static let absent = "dev.gatehouse/absent"
}

/// What `params._meta` of a request says.
package struct RequestMeta: Sendable {
    package let protocolVersion: String?
    package let clientCapabilities: JSONNode?
    package let progressToken: ProgressToken?
    /// The least level of log messages about this request; nil for none (2026-07-28).
    package let logLevel: LogLevel?
    /// W3C trace context, kept as it came; nil when longer than 512 bytes.
    package let traceparent: String?
    package let tracestate: String?

    package init(of params: JSONNode?) {
        let meta = params?["_meta"]
        protocolVersion = meta?[MetaKey.protocolVersion]?.string
        let capabilities = meta?[MetaKey.clientCapabilities]
        clientCapabilities = capabilities?.kind == .object ? capabilities : nil
        logLevel = meta?[MetaKey.logLevel]?.string.flatMap { LogLevel(rawValue: $0) }
        progressToken = meta?["progressToken"].flatMap { RequestID($0) }
        func trace(_ node: JSONNode?) -> String? {
            node?.string.flatMap { $0.utf8.count <= 512 ? $0 : nil }
        }
        traceparent = trace(meta?["traceparent"])
        tracestate = trace(meta?["tracestate"])
    }

    /// Whether the request says it is of the modern revision, in whole or in part.
    package var claimsModern: Bool { protocolVersion != nil }
}
