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
    /// What an agent may use here; nothing is said that no handler honours.
    package struct Capabilities: Sendable, Equatable {
        package var prompts: Bool
        package var resources: Bool
        package var completions: Bool
        /// Whether some server tells when a resource changes, or writes log messages.
        package var subscriptions = false
        package var logging = false

        package init(prompts: Bool = false, resources: Bool = false, completions: Bool = false) {
            self.prompts = prompts
            self.resources = resources
            self.completions = completions
        }
    }

    /// The result of `initialize` (2025-11-25, basic/lifecycle).
    package static func initializeResult(
        revision: Revision,
        capabilities: Capabilities = Capabilities(),
        serverInfo: [UInt8],
        instructions: String?
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("protocolVersion")
        writer.string(revision.rawValue)
        write(capabilities, &writer)
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
    package static func discoverResult(
        capabilities: Capabilities = Capabilities(),
        serverInfo: [UInt8],
        instructions: String?
    ) -> [UInt8] {
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
        write(capabilities, &writer)
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

    /// A page of a list; each item is its definition as JSON text.
    ///
    /// `absent` names servers that could not be asked, so that a short list is not mistaken for all.
    package static func page(
        _ member: String,
        _ items: some Sequence<[UInt8]>,
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
        writer.key(member)
        writer.beginArray()
        for item in items { writer.raw(item) }
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

    /// The end of a `subscriptions/listen` that nobody called off.
    package static func listenEnd(_ id: RequestID, serverInfo: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("resultType")
        writer.string("complete")
        writer.key("_meta")
        writer.beginObject()
        writer.key("io.modelcontextprotocol/subscriptionId")
        id.write(to: &writer)
        writer.key("io.modelcontextprotocol/serverInfo")
        writer.raw(serverInfo)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// An empty result: of `ping`, for one.
    package static func empty(for revision: Revision) -> [UInt8] {
        Array((revision.isModern ? #"{"resultType":"complete"}"# : "{}").utf8)
    }

    private static func write(_ capabilities: Capabilities, _ writer: inout JSONWriter) {
        writer.key("capabilities")
        writer.beginObject()
        for (name, isOffered, isList) in [
            ("tools", true, true), ("prompts", capabilities.prompts, true),
            ("resources", capabilities.resources, true),
            ("completions", capabilities.completions, false),
            ("logging", capabilities.logging, false),
        ] where isOffered {
            writer.key(name)
            writer.beginObject()
            if isList {
                writer.key("listChanged")
                writer.bool(true)
            }
            if name == "resources", capabilities.subscriptions {
                writer.key("subscribe")
                writer.bool(true)
            }
            writer.endObject()
        }
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
