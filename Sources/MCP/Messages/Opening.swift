private import JSON

/// How we and our peers introduce ourselves.
package struct Implementation: Sendable, Equatable {
    package let name: String
    package let version: String

    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    package var text: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("name")
        writer.string(name)
        writer.key("version")
        writer.string(version)
        writer.endObject()
        return writer.bytes
    }
}

/// What we answer when an agent opens or asks who we are.
package enum Opening {
    /// The result of `initialize` (2025-11-25, basic/lifecycle): tools and nothing else.
    package static func initializeResult(
        revision: Revision,
        serverInfo: [UInt8],
        instructions: String?
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("protocolVersion")
        writer.string(revision.rawValue)
        writeCapabilities(&writer)
        writer.key("serverInfo")
        writer.raw(serverInfo)
        if let instructions {
            writer.key("instructions")
            writer.string(instructions)
        }
        writer.endObject()
        return writer.bytes
    }

    /// The result of `server/discover` (2026-07-28, server/discover): modern revisions only.
    package static func discoverResult(serverInfo: [UInt8], instructions: String?) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resultType")
        writer.string("complete")
        writer.key("supportedVersions")
        writer.beginArray()
        for revision in Revision.servedToAgents where revision.isModern {
            writer.string(revision.rawValue)
        }
        writer.endArray()
        writeCapabilities(&writer)
        if let instructions {
            writer.key("instructions")
            writer.string(instructions)
        }
        writeCaching(&writer)
        writer.key("_meta")
        writer.beginObject()
        writer.key("io.modelcontextprotocol/serverInfo")
        writer.raw(serverInfo)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// A page of `tools/list`; each tool is its definition as JSON text.
    ///
    /// `absent` names servers that could not be asked, so that a short list is not mistaken for all.
    package static func toolsPage(
        _ tools: some Sequence<[UInt8]>,
        nextCursor: String?,
        revision: Revision,
        serverInfo: [UInt8],
        absent: [String] = []
    ) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 4096)
        writer.beginObject()
        if revision.isModern {
            writer.key("resultType")
            writer.string("complete")
        }
        writer.key("tools")
        writer.beginArray()
        for tool in tools { writer.raw(tool) }
        writer.endArray()
        if let nextCursor {
            writer.key("nextCursor")
            writer.string(nextCursor)
        }
        if revision.isModern { writeCaching(&writer) }
        if revision.isModern || !absent.isEmpty {
            writer.key("_meta")
            writer.beginObject()
            if revision.isModern {
                writer.key("io.modelcontextprotocol/serverInfo")
                writer.raw(serverInfo)
            }
            if !absent.isEmpty {
                writer.key(MetaKey.absent)
                writer.beginArray()
                for line in absent { writer.string(line) }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    /// An empty result: of `ping`, for one.
    package static func empty(for revision: Revision) -> [UInt8] {
        Array((revision.isModern ? #"{"resultType":"complete"}"# : "{}").utf8)
    }

    private static func writeCapabilities(_ writer: inout JSONWriter) {
        writer.key("capabilities")
        writer.beginObject()
        writer.key("tools")
        writer.beginObject()
        writer.endObject()
        writer.endObject()
    }

    /// Lists are filtered by principal, so that no cache may share them, and a changed pin must be
    /// seen at once (2026-07-28, server/utilities/caching).
    private static func writeCaching(_ writer: inout JSONWriter) {
        writer.key("ttlMs")
        writer.number(0)
        writer.key("cacheScope")
        writer.string("private")
    }
}
