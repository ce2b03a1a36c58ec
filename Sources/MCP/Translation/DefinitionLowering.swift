private import Base
private import JSON

/// What a tool's definition looks like to an agent of an older revision.
///
/// Only whole members are left out; what stays is byte-faithful (2026-07-28, basic/versioning).
package enum DefinitionLowering {
    /// The definition as JSON text, under the name the agent's endpoint gives it.
    package static func text(
        of tool: ToolDefinition,
        named name: String,
        for revision: Revision
    ) -> [UInt8] {
        let isRenamed = name != tool.wireName
        let naming = namingKey(of: tool.kind)
        let drops = tool.node.members.contains {
            isDropped($0.key, $0.value, of: tool.kind, for: revision)
        }
        guard isRenamed || drops else { return Array(tool.node.source) }
        var writer = JSONWriter(reservingCapacity: tool.node.source.count + 64)
        writer.beginObject()
        for (key, value) in tool.node.members
        where !isDropped(key, value, of: tool.kind, for: revision) {
            writer.key(key)
            if key == naming {
                writer.string(name)
            } else {
                writer.node(value)
            }
        }
        writer.endObject()
        return writer.bytes
    }

    /// The member an agent names it by.
    private static func namingKey(of kind: OfferKind) -> JSONString {
        switch kind {
        case .resource: "uri"
        case .template: "uriTemplate"
        default: "name"
        }
    }

    private static func isDropped(
        _ key: JSONString,
        _ value: JSONNode,
        of kind: OfferKind,
        for revision: Revision
    ) -> Bool {
        switch key.text {
        // Tasks are negotiated with nobody, so that what announces them goes everywhere.
        case "execution": true
        case "icons": revision < .r2025_11_25
        case "outputSchema":
            revision < .r2025_06_18
                || (revision < .r2026_07_28 && value["type"]?.isString("object") != true)
        case "title": revision < .r2025_06_18
        // Resources have had theirs from the first revision on (2024-11-05, server/resources).
        case "annotations": kind == .tool && revision < .r2025_03_26
        default: false
        }
    }
}
