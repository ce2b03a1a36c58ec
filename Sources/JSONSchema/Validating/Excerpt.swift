private import Base
internal import JSON

/// Short, escaped forms of values and keys for messages.
enum Excerpt {
    /// The kind of a value, and nothing of its content.
    static func kind(_ node: JSONNode) -> String {
        switch node.kind {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .number: node.number?.isInteger == true ? "integer" : "number"
        case .true, .false: "boolean"
        case .null: "null"
        }
    }

    static func of(_ node: JSONNode) -> String {
        switch node.kind {
        case .object: "object of \(node.count)"
        case .array: "array of \(node.count)"
        case .null: "null"
        case .string, .number, .true, .false: kind(node) + " " + source(node)
        }
    }

    /// The values of an `enum`, as many as fit a short line.
    static func list(_ elements: JSONElements) -> String {
        var text = ""
        for element in elements {
            let next = source(element)
            guard text.utf8.count + next.utf8.count <= 160 else { return text + ", …" }
            text += (text.isEmpty ? "" : ", ") + next
        }
        return text
    }

    /// Names as a person reads them, as many as fit a short line.
    static func names(_ names: [String]) -> String {
        var text = ""
        for name in names {
            let next = "`\(printable(name, limit: 64))`"
            guard text.utf8.count + next.utf8.count <= 200 else { return text + ", …" }
            text += (text.isEmpty ? "" : ", ") + next
        }
        return text
    }

    /// The beginning of the value as it was sent.
    static func source(_ node: JSONNode) -> String {
        let bytes = node.source
        let text = printable(String(decoding: bytes.prefix(48), as: UTF8.self), limit: 48)
        return bytes.count > 48 ? text + "…" : text
    }
}
