/// The JSON-RPC error codes we send, with the HTTP status that goes with each
/// (2026-07-28, basic/index, "Error codes"; JSON-RPC 2.0, section 5.1).
package enum ErrorCode: Int, Sendable {
    case parse = -32700
    case invalidRequest = -32600
    case methodNotFound = -32601
    case invalidParams = -32602
    case internalError = -32603
    case headerMismatch = -32020
    case missingClientCapability = -32021
    case unsupportedVersion = -32022
    /// Of the handshake revisions alone; 2026-07-28 has -32602 for it (SEP-2164).
    case resourceNotFound = -32002
    /// Of 2025-11-25 alone: a person must open a page before the request can go on.
    case urlElicitationRequired = -32042
    /// Ours: policy, a person or a limit said no to what has no result of its own to say it in. It
    /// lies outside what JSON-RPC and the protocol keep for themselves.
    case refused = -31001
}

/// A refusal of a message as a protocol error.
package struct ProtocolError: Error, Equatable, Sendable {
    package let code: ErrorCode
    package let message: String
    /// The HTTP status when the message came over HTTP.
    package let status: Int
    /// The `data` member, as JSON text.
    package let data: [UInt8]?

    package init(_ code: ErrorCode, _ message: String, status: Int = 400, data: [UInt8]? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.data = data
    }
}
