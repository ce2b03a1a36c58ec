/// The field names that are told apart while a head is read; what they frame or say is asked for in
/// every message.
enum KnownField: UInt8, CaseIterable {
    case accept, authorization, connection, contentEncoding, contentLength, contentType, expect
    case host, lastEventID, mcpMethod, mcpName, mcpProtocolVersion, mcpSessionID, origin
    case transferEncoding

    /// A set of them is a word of 16 bits.
    var bit: UInt16 { 1 << UInt16(rawValue) }

    var text: StaticString {
        switch self {
        case .accept: "accept"
        case .authorization: "authorization"
        case .connection: "connection"
        case .contentEncoding: "content-encoding"
        case .contentLength: "content-length"
        case .contentType: "content-type"
        case .expect: "expect"
        case .host: "host"
        case .lastEventID: "last-event-id"
        case .mcpMethod: "mcp-method"
        case .mcpName: "mcp-name"
        case .mcpProtocolVersion: "mcp-protocol-version"
        case .mcpSessionID: "mcp-session-id"
        case .origin: "origin"
        case .transferEncoding: "transfer-encoding"
        }
    }

    /// The field with the name that stands there, whatever its case.
    ///
    /// Its length and one letter leave one name to compare with.
    @inline(__always)
    init?(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) {
        let candidate: KnownField
        switch count {
        case 4: candidate = .host
        case 6:
            switch Bytes.lowercased(bytes[start]) {
            case 0x61: candidate = .accept
            case 0x65: candidate = .expect
            default: candidate = .origin
            }
        case 8: candidate = .mcpName
        case 10: candidate = Bytes.lowercased(bytes[start]) == 0x63 ? .connection : .mcpMethod
        case 12: candidate = .contentType
        case 13:
            candidate = Bytes.lowercased(bytes[start]) == 0x61 ? .authorization : .lastEventID
        case 14: candidate = Bytes.lowercased(bytes[start]) == 0x63 ? .contentLength : .mcpSessionID
        case 16: candidate = .contentEncoding
        case 17: candidate = .transferEncoding
        case 20: candidate = .mcpProtocolVersion
        default: return nil
        }
        guard Bytes.equal(bytes, start, count, ignoringCaseOf: candidate.text) else { return nil }
        self = candidate
    }
}
