package import JSON

/// Writes JSON-RPC messages.
package enum Envelope {
    /// A response whose result is already JSON text.
    package static func result(_ id: RequestID, _ result: [UInt8]) -> [UInt8] {
        self.result(id, ofAbout: result.count) { $0.raw(result) }
    }

    /// A response whose result, of about so many bytes, is written where it stands.
    package static func result(
        _ id: RequestID,
        ofAbout byteCount: Int,
        _ write: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: byteCount + 128)
        writer.lead(#"{"jsonrpc":"2.0","id":"#)
        id.write(to: &writer)
        writer.lead(#""result":"#)
        write(&writer)
        writer.endObject()
        return writer.bytes
    }

    /// An error response; without a readable id the member is left out, as 2025-11-25 and later
    /// allow, or null, as JSON-RPC 2.0 section 5 has it for older peers.
    package static func error(
        _ id: RequestID?,
        _ error: ProtocolError,
        for revision: Revision = .newest
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.literal(#""jsonrpc":"2.0""#)
        if let id {
            writer.key(literal: "id")
            id.write(to: &writer)
        } else if revision < .r2025_11_25 {
            writer.key(literal: "id")
            writer.null()
        }
        writer.key(literal: "error")
        writer.beginObject()
        writer.key(literal: "code")
        writer.number(error.code.rawValue)
        writer.key(literal: "message")
        writer.string(error.message)
        if let data = error.data {
            writer.key(literal: "data")
            writer.raw(data)
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// A request or, without an id, a notification; `params` writes the members of an object.
    package static func call(
        _ id: RequestID?,
        _ method: String,
        params: ((inout JSONWriter) -> Void)?
    ) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.beginObject()
        writer.literal(#""jsonrpc":"2.0""#)
        if let id {
            writer.key(literal: "id")
            id.write(to: &writer)
        }
        writer.key(literal: "method")
        writer.string(method)
        if let params {
            writer.key(literal: "params")
            writer.beginObject()
            params(&writer)
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    package static func request(
        _ id: RequestID,
        _ method: String,
        params: ((inout JSONWriter) -> Void)? = nil
    ) -> [UInt8] {
        call(id, method, params: params)
    }

    package static func notification(
        _ method: String,
        params: ((inout JSONWriter) -> Void)? = nil
    ) -> [UInt8] {
        call(nil, method, params: params)
    }
}
