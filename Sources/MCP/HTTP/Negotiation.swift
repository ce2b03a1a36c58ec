private import JSON

/// Which era one message over HTTP belongs to, decided from the message and its headers alone.
///
/// The table is that of 2026-07-28, basic/versioning; a mixed signal is refused, never guessed.
package enum MessageEra: Equatable, Sendable {
    /// The opening of a legacy session.
    case opening
    /// A message of a legacy session; the header's revision must be the negotiated one.
    case session(version: Revision?)
    /// Self-contained.
    case modern
}

package enum Negotiation {
    /// What HTTP says about a message.
    package struct Signals: Sendable {
        /// What `MCP-Protocol-Version` names.
        package let version: NamedRevision?
        /// Whether `Mcp-Session-Id` names a session.
        package let hasSession: Bool

        package init(version: NamedRevision?, hasSession: Bool) {
            self.version = version
            self.hasSession = hasSession
        }
    }

    package static func era(
        of message: Message,
        meta: RequestMeta,
        _ signals: Signals
    ) throws(ProtocolError) -> MessageEra {
        let header = signals.version
        if let version = meta.protocolVersion {
            guard let header else {
                throw ProtocolError(
                    .headerMismatch,
                    "the header MCP-Protocol-Version is missing; send it with the value of _meta"
                )
            }
            guard header.text == version else {
                throw ProtocolError(
                    .headerMismatch,
                    "MCP-Protocol-Version and _meta name different versions; name one in both"
                )
            }
            guard header.revision?.isModern == true else { throw unsupported(requested: version) }
            guard meta.clientCapabilities != nil else {
                throw ProtocolError(
                    .invalidParams,
                    "_meta needs io.modelcontextprotocol/clientCapabilities; an empty object is fine"
                )
            }
            return .modern
        }
        if case .request(let request) = message, request.method == "initialize" { return .opening }
        if header?.revision?.isModern == true {
            // A notification of the modern revision needs no `_meta` of its own.
            if case .request = message {
                throw ProtocolError(
                    .invalidParams,
                    "_meta needs io.modelcontextprotocol/protocolVersion; send \(Revision.newest.rawValue)"
                )
            }
            return .modern
        }
        if case .other(let text) = header { throw unsupported(requested: text) }
        guard signals.hasSession else {
            throw ProtocolError(
                .invalidRequest,
                "no session: send `initialize` first, or a request of 2026-07-28 with its _meta"
            )
        }
        return .session(version: header?.revision)
    }

    /// -32022 with what we serve and what was asked for.
    package static func unsupported(requested: String) -> ProtocolError {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("supported")
        writer.beginArray()
        for revision in Revision.servedToAgents { writer.string(revision.rawValue) }
        writer.endArray()
        writer.key("requested")
        writer.string(requested.utf8.count <= 64 ? requested : "")
        writer.endObject()
        return ProtocolError(
            .unsupportedVersion,
            "this protocol version is not served; take one of `data.supported`",
            data: writer.bytes
        )
    }

    /// The revision an `initialize` is answered with: the one asked for where we serve it, else our
    /// newest legacy one (2025-11-25, basic/lifecycle).
    package static func answer(toInitializeWith requested: String) -> Revision {
        guard let revision = Revision(rawValue: requested), !revision.isModern,
            Revision.servedToAgents.contains(revision)
        else { return .newestLegacy }
        return revision
    }
}
