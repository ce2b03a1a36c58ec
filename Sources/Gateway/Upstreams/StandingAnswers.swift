import Base
import JSON
import MCP

/// Answers to what a server of a handshake revision asks of us, which need nobody else.
package struct StandingAnswers: Sendable {
    /// The folders the operator wrote for it, as a result of `roots/list`; nil where none are.
    let roots: [UInt8]?

    package init(roots: [String] = []) {
        self.roots = roots.isEmpty ? nil : Self.result(roots)
    }

    /// Whether the agent behind a call must answer it.
    func leaves(_ method: String) -> Bool {
        InputKind(rawValue: method).map { $0 != .roots || roots == nil } ?? false
    }

    func answer(to request: Message.Request) -> [UInt8] {
        if request.method == "ping" { return Envelope.result(request.id, Array("{}".utf8)) }
        if request.method == InputKind.roots.rawValue, let roots {
            return Envelope.result(request.id, roots)
        }
        return Envelope.error(
            request.id,
            ProtocolError(.methodNotFound, "`\(printable(request.method))` was not declared")
        )
    }

    /// Absolute paths as RFC 8089 has them: the octets that a path of a URI cannot hold are escaped.
    static func result(_ folders: [String]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("roots")
        writer.beginArray()
        for folder in folders {
            writer.beginObject()
            writer.key("uri")
            writer.string("file://" + escaped(folder))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func escaped(_ path: String) -> String {
        let plain = Array("-._~/!$&'()*+,;=:@".utf8)
        return path.utf8.reduce(into: "") { text, byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
                || (0x61...0x7a).contains(byte) || plain.contains(byte)
            text += isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }
    }
}
