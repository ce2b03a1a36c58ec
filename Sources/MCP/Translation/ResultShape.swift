package import JSON

/// Gives a tool's result the shape of the agent's revision.
///
/// Members the revision asks for are added, those it does not know left out; it runs after
/// screening, on what the agent may see.
package enum ResultShape {
    /// - Parameters:
    ///   - result: an object: the screened result.
    ///   - serverInfo: our own identity as JSON text, for `_meta` of a modern result.
    ///   - verdict: the id of the verdict, where the agent is told it.
    ///   - text: what a value is written as that the revision cannot carry as structured content,
    ///     where the server gave no text beside it.
    package static func writeToolResult(
        _ result: JSONNode,
        of kind: OfferKind = .tool,
        for revision: Revision,
        serverInfo: [UInt8],
        verdict: String? = nil,
        text: (JSONNode) -> String = { String(decoding: $0.source, as: UTF8.self) },
        to writer: inout JSONWriter
    ) {
        let known = result.members(Self.known)
        let lowersBlocks = BlockLowering.isNeeded(for: revision)
        if !revision.isModern, !lowersBlocks, verdict == nil, result.isCompact,
            !droppedAlways.contains(where: { known.has($0) }),
            known[Known.structured]?.isObject != false
        {
            // Nothing is added to it and nothing left out.
            writer.node(result)
            return
        }
        writer.beginObject()
        if revision.isModern { writer.literal(#""resultType":"complete""#) }
        let spoken = valueWithoutText(known, for: revision).map(text)
        for (key, value) in result.members.nodes {
            let member = known.key(of: value.place)
            if let member, isDropped(member, value, for: revision) { continue }
            let isContent = member == Known.content
            if spoken != nil, isContent { continue }
            let areMessages = kind == .prompt && member == Known.messages
            if lowersBlocks, value.isArray, areMessages || kind == .tool && isContent {
                writer.key(key)
                BlockLowering.write(value, areMessages: areMessages, for: revision, to: &writer)
            } else {
                writer.member(key, value)
            }
        }
        if let spoken {
            writeContent(&writer, of: known[Known.content], and: spoken, for: revision)
        }
        if kind == .reading, revision.isModern { writeCaching(&writer, from: result) }
        writeMeta(
            &writer,
            from: known[Known.meta],
            serverInfo: revision.isModern ? serverInfo : nil,
            verdict: verdict
        )
        writer.endObject()
    }

    /// Reading depends on who reads, whatever the server says; how long it holds is the server's
    /// word, up to a bound (2026-07-28, server/utilities/caching).
    private static func writeCaching(_ writer: inout JSONWriter, from result: JSONNode) {
        writer.key("ttlMs")
        let said = result["ttlMs"]?.number?.int64 ?? 0
        writer.number(min(max(0, said), 300_000))
        writer.key("cacheScope")
        writer.string("private")
    }

    /// A value that would be lost: left out for this revision, with no text that says it.
    private static func valueWithoutText(
        _ known: JSONFewMembers,
        for revision: Revision
    ) -> JSONNode? {
        guard !revision.isModern, let value = known[Known.structured], !value.isNull,
            revision < .r2025_06_18 || !value.isObject,
            known[Known.content]?.elements.contains(where: { $0["type"]?.isString("text") == true })
                != true
        else { return nil }
        return value
    }

    private static func writeContent(
        _ writer: inout JSONWriter,
        of content: JSONNode?,
        and text: String,
        for revision: Revision
    ) {
        writer.key("content")
        writer.beginArray()
        if let content {
            for block in content.elements {
                writer.raw(BlockLowering.text(of: block, for: revision))
            }
        }
        writeBlock(&writer, text)
        writer.endArray()
    }

    private static func writeBlock(_ writer: inout JSONWriter, _ text: String) {
        writer.beginObject()
        writer.key("type")
        writer.string("text")
        writer.key("text")
        writer.string(text)
        writer.endObject()
    }

    /// The members of a result that count here, found in one pass, and their places.
    private static let known = JSONKeys(
        "resultType",
        "_meta",
        "ttlMs",
        "cacheScope",
        "structuredContent",
        "content",
        "messages"
    )

    private enum Known {
        static let meta = 1
        static let structured = 4
        static let content = 5
        static let messages = 6
    }

    /// Written anew or not at all, whatever the revision: the first four.
    private static let droppedAlways = 0..<4

    private static func isDropped(
        _ member: Int,
        _ value: JSONNode,
        for revision: Revision
    ) -> Bool {
        if droppedAlways.contains(member) { return true }
        guard member == Known.structured else { return false }
        return revision < .r2025_06_18 || (!revision.isModern && !value.isObject)
    }

    /// The `_meta` keys of a server that go on: none of the reserved ones and none of ours.
    ///
    /// A reserved prefix is one whose second label is `modelcontextprotocol` or `mcp`
    /// (2025-11-25, basic/index, "_meta").
    private static func writeMeta(
        _ writer: inout JSONWriter,
        from meta: JSONNode?,
        serverInfo: [UInt8]?,
        verdict: String?
    ) {
        let kept = meta.map { node in
            node.members.filter { isForwarded($0.key.text) && $0.value.source.count <= 4096 }
        }
        guard serverInfo != nil || verdict != nil || kept?.isEmpty == false else { return }
        writer.key("_meta")
        writer.beginObject()
        if let serverInfo {
            writer.key("io.modelcontextprotocol/serverInfo")
            writer.raw(serverInfo)
        }
        if let verdict {
            writer.key(MetaKey.verdict)
            writer.string(verdict)
        }
        for (key, value) in (kept ?? []).prefix(16) {
            writer.key(key)
            writer.node(value)
        }
        writer.endObject()
    }

    package static func isForwarded(_ key: String) -> Bool {
        guard let slash = key.firstIndex(of: "/") else {
            return key == "traceparent" || key == "tracestate"
        }
        let labels = key[..<slash].split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count > 1 else { return false }
        let second = labels[1].lowercased()
        if second == "modelcontextprotocol" || second == "mcp" { return false }
        // Our own namespace is written by us alone, but for the labels screening puts there.
        return key == "dev.gatehouse/untrusted" || second != "gatehouse"
    }

    /// A result that tells the model why there is none: `isError`, one text block.
    package static func refusal(
        text: String,
        for revision: Revision,
        serverInfo: [UInt8],
        verdict: String?
    ) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: text.utf8.count + 256)
        writer.beginObject()
        if revision.isModern {
            writer.key("resultType")
            writer.string("complete")
        }
        writer.key("content")
        writer.beginArray()
        writeBlock(&writer, text)
        writer.endArray()
        writer.key("isError")
        writer.bool(true)
        writeMeta(
            &writer,
            from: nil,
            serverInfo: revision.isModern ? serverInfo : nil,
            verdict: verdict
        )
        writer.endObject()
        return writer.bytes
    }
}
