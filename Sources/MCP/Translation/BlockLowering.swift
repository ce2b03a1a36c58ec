package import JSON

/// What blocks of content look like to an agent of a revision that has no word for them.
///
/// Links came with 2025-06-18, sound with 2025-03-26; to older agents each becomes a text that says
/// what it was.
package enum BlockLowering {
    /// Whether a result may hold blocks this revision does not know.
    package static func isNeeded(for revision: Revision) -> Bool { revision < .r2025_06_18 }

    /// The block as JSON text.
    package static func text(of block: JSONNode, for revision: Revision) -> [UInt8] {
        let said: String
        switch block["type"]?.string {
        case "resource_link" where revision < .r2025_06_18:
            let name = block["title"]?.string ?? block["name"]?.string ?? "resource"
            said = "[\(name)](\(block["uri"]?.string ?? ""))"
        case "audio" where revision < .r2025_03_26:
            let count = (block["data"]?.string?.utf8.count ?? 0) / 4 * 3
            said = "[sound, \(block["mimeType"]?.string ?? "audio"), about \(count) bytes]"
        default: return Array(block.source)
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string("text")
        writer.key("text")
        writer.string(said)
        writer.endObject()
        return writer.bytes
    }

    /// The `content` of a tool's result, or the `messages` of a prompt's.
    static func write(
        _ items: JSONNode,
        areMessages: Bool,
        for revision: Revision,
        to writer: inout JSONWriter
    ) {
        writer.beginArray()
        for item in items.elements {
            guard areMessages else {
                writer.raw(text(of: item, for: revision))
                continue
            }
            writer.beginObject()
            for (key, value) in item.members {
                writer.key(key)
                if key == "content" {
                    writer.raw(text(of: value, for: revision))
                } else {
                    writer.node(value)
                }
            }
            writer.endObject()
        }
        writer.endArray()
    }
}
