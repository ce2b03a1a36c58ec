/// Which trace a request belongs to: the value of `traceparent` (W3C Trace Context level 1, 3.2).
///
/// An agent may write anything; only what has the form is a trace, and nothing else is passed on.
package struct TraceContext: Sendable, Equatable {
    /// 16 bytes as hexadecimal digits, not all zero.
    package let trace: String
    private let flags: String

    /// Nil where it is none: it is left out then, as the specification asks.
    package init?(traceparent text: String) {
        let bytes = Array(text.utf8.prefix(57))
        guard bytes.count >= 55, bytes[2] == 0x2d, bytes[35] == 0x2d, bytes[52] == 0x2d else {
            return nil
        }
        let (version, trace) = (bytes[0..<2], bytes[3..<35])
        let (span, flags) = (bytes[36..<52], bytes[53..<55])
        let fields = [version, trace, span, flags]
        guard fields.allSatisfy({ $0.allSatisfy(Self.isDigit) }),
            !version.allSatisfy({ $0 == 0x66 }),  // version ff is forbidden (3.2.2.1)
            trace.contains(where: { $0 != 0x30 }), span.contains(where: { $0 != 0x30 }),
            // Of version 00 nothing follows; what a later one adds begins with a dash.
            bytes.count == 55 || (version != [0x30, 0x30] && bytes[55] == 0x2d)
        else { return nil }
        self.trace = String(decoding: trace, as: UTF8.self)
        self.flags = String(decoding: flags, as: UTF8.self)
    }

    /// The value for a request of ours within the trace; `span` is the id of our part of it.
    package func child(span: String) -> String { "00-\(trace)-\(span)-\(flags)" }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
}
