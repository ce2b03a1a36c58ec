import Base

/// Reads the media types of a request's head, as bytes: every call passes here.
enum MediaTypes {
    /// Whether a Content-Type is `application/json`, whatever its parameters (RFC 9110, 8.3.1).
    static func isJSON(_ value: ArraySlice<UInt8>) -> Bool {
        value.isEqual("application/json") || essence(of: value).isEqual("application/json")
    }

    /// Whether an Accept takes both kinds of answer that MCP needs.
    ///
    /// Weights do not matter: we choose. RFC 9110, 12.5.1; 2025-06-18, basic/transports.
    static func acceptsJSONAndEvents(_ value: ArraySlice<UInt8>) -> Bool {
        // As clients spell it.
        if value.isEqual("application/json, text/event-stream") { return true }
        var json = false
        var events = false
        var rest = value
        while !rest.isEmpty {
            let range = rest.prefix { $0 != 0x2c }
            rest = rest[range.endIndex...].dropFirst()
            let type = essence(of: range)
            let any = type.isEqual("*/*")
            json = json || any || type.isEqual("application/json") || type.isEqual("application/*")
            events = events || any || type.isEqual("text/event-stream") || type.isEqual("text/*")
            if json, events { return true }
        }
        return false
    }

    /// Whether an Accept takes an event stream.
    static func acceptsEvents(_ value: ArraySlice<UInt8>) -> Bool {
        value.split(separator: 0x2c).contains { range in
            let type = essence(of: range)
            return type.isEqual("*/*") || type.isEqual("text/event-stream")
                || type.isEqual("text/*")
        }
    }

    /// The type without parameters and blanks round it.
    private static func essence(of value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var type = value.prefix { $0 != 0x3b }
        while let last = type.last, last == 0x20 || last == 0x09 { type.removeLast() }
        while let first = type.first, first == 0x20 || first == 0x09 { type.removeFirst() }
        return type
    }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes are that ASCII text, whatever their case.
    fileprivate func isEqual(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        // Nearly everybody writes lower case.
        if span.isEqual(text) { return true }
        return text.withUTF8Buffer { expected in
            let bytes = span
            for index in bytes.indices {
                let byte = bytes[index]
                let lower = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
                guard unsafe lower == expected[index] else { return false }
            }
            return true
        }
    }
}
