package import JSON

/// The id of a JSON-RPC request: a string or an integer, never null (2026-07-28, basic/index).
///
/// It is echoed with its type: `1` and `"1"` are different requests.
package enum RequestID: Hashable, Sendable {
    case integer(Int64)
    case string(JSONString)

    /// Nil for any other kind of value, a fraction, or an integer beyond 64 bits.
    package init?(_ node: JSONNode) {
        if let value = node.smallInteger {
            self = .integer(value)
        } else if let number = node.number {
            guard let value = number.int64 else { return nil }
            self = .integer(value)
        } else if let text = node.string, text.utf8.count <= 256 {
            self = .string(JSONString(text))
        } else {
            return nil
        }
    }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .integer(let value): writer.number(value)
        case .string(let text): writer.string(text.text)
        }
    }
}

/// A progress token: chosen by whoever asks, and unique among its live requests.
package typealias ProgressToken = RequestID
