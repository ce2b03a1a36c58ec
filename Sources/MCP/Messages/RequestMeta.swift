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
    /// The trace the request belongs to.
    ///
    /// `tracestate` and `baggage`, free texts that no rule judges,
    /// are not read.
    package let trace: TraceContext?

    package init(of params: JSONNode?) {
        guard let meta = params?["_meta"] else {
            protocolVersion = nil
            clientCapabilities = nil
            logLevel = nil
            progressToken = nil
            trace = nil
            return
        }
        let found = meta.members(Self.keys)
        protocolVersion = found[0]?.string
        clientCapabilities = found[1].flatMap { $0.isObject ? $0 : nil }
        logLevel = found[2]?.string.flatMap { LogLevel(rawValue: $0) }
        progressToken = found[3].flatMap { RequestID($0) }
        trace = found[4]?.string.flatMap { TraceContext(traceparent: $0) }
    }

    private static let keys = JSONKeys(
        MetaKey.protocolVersion,
        MetaKey.clientCapabilities,
        MetaKey.logLevel,
        "progressToken",
        "traceparent"
    )

    /// Whether the request says it is of the modern revision, in whole or in part.
    package var claimsModern: Bool { protocolVersion != nil }
}
