/// Why bytes are not an HTTP/1.1 message we accept, and where.
///
/// A peer that frames badly is never guessed at: the error closes its connection, because nothing
/// after the place can be trusted to be where a message starts (RFC 9112 section 6.3).
package struct FramingError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        // Lines.
        case bareLineFeed
        case bareCarriageReturn
        case controlByte(UInt8)
        case emptyStartLine
        case foldedLine
        case headTooLarge(limit: Int)
        case tooManyFields(limit: Int)

        // The first line.
        case badMethod
        case badTarget
        case targetTooLong(limit: Int)
        case badVersion
        case unsupportedVersion
        case badStatusLine

        // Fields.
        case badFieldName
        case badFieldLine
        case connectionField
        case badHost
        case missingHost
        case repeatedHost
        case badConnection
        case unknownExpectation
        case badContentLength
        case repeatedContentLength
        case contentLengthWithTransferEncoding
        case repeatedTransferEncoding
        case badTransferEncoding
        case unknownTransferCoding
        case transferEncodingInOldVersion

        // The body.
        case badChunkSize
        case chunkExtension
        case chunkLineTooLong(limit: Int)
        case badChunkEnd
        case badTrailer
        case trailersTooLarge(limit: Int)
        case bodyTooLarge(limit: Int)
    }

    package let reason: Reason
    /// Where in the bytes given to the parser, from 0.
    package let offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// What a server answers; a client reports any of them as a bad upstream.
    package var status: HTTPStatus {
        switch reason {
        case .headTooLarge, .tooManyFields, .trailersTooLarge: .requestHeaderFieldsTooLarge
        case .targetTooLong: .uriTooLong
        case .bodyTooLarge: .contentTooLarge
        case .unknownExpectation: .expectationFailed
        case .unknownTransferCoding: .notImplemented
        case .unsupportedVersion: .versionNotSupported
        default: .badRequest
        }
    }

    package var description: String { "\(text) at byte \(offset)" }

    private var text: String {
        switch reason {
        case .bareLineFeed: "a line feed without carriage return; end lines with CR LF"
        case .bareCarriageReturn: "a carriage return without line feed; end lines with CR LF"
        case .controlByte(let byte): "control byte \(byte) in the head"
        case .emptyStartLine: "an empty line where the first line of a message must stand"
        case .foldedLine: "a header line that begins with a blank; write each field on one line"
        case .headTooLarge(let limit): "a head of more than \(limit) bytes"
        case .tooManyFields(let limit): "more than \(limit) header fields"
        case .badMethod: "a method that is not a token"
        case .badTarget: "a request target that is not a path (`/path?query`)"
        case .targetTooLong(let limit): "a request target of more than \(limit) bytes"
        case .badVersion: "a version that is not `HTTP/1.1`"
        case .unsupportedVersion: "an HTTP version that is not served; use HTTP/1.1"
        case .badStatusLine: "a status line that is not `HTTP/1.1 NNN reason`"
        case .badFieldName: "a field name that is not a token followed by a colon"
        case .badFieldLine: "a field value with a control byte, or a blank at either end"
        case .connectionField:
            "a field that only connections of HTTP/1.1 have (Connection, Transfer-Encoding, TE)"
        case .badHost: "a Host that is not `name` or `name:port`"
        case .missingHost: "no Host field"
        case .repeatedHost: "more than one Host field"
        case .badConnection: "a Connection field that is not a list of tokens"
        case .unknownExpectation: "an expectation other than `100-continue`"
        case .badContentLength: "a Content-Length that is not one decimal number"
        case .repeatedContentLength: "more than one Content-Length field"
        case .contentLengthWithTransferEncoding: "both Content-Length and Transfer-Encoding"
        case .repeatedTransferEncoding: "more than one Transfer-Encoding field"
        case .badTransferEncoding: "a Transfer-Encoding that does not end in `chunked` once"
        case .unknownTransferCoding: "a transfer coding other than `chunked`"
        case .transferEncodingInOldVersion: "Transfer-Encoding in an HTTP/1.0 message"
        case .badChunkSize: "a chunk size that is not a hexadecimal number and CR LF"
        case .chunkExtension: "a chunk extension; none is accepted"
        case .chunkLineTooLong(let limit): "a chunk line of more than \(limit) bytes"
        case .badChunkEnd: "chunk data that is not followed by CR LF"
        case .badTrailer: "a trailer that is not a header field"
        case .trailersTooLarge(let limit): "trailers of more than \(limit) bytes"
        case .bodyTooLarge(let limit): "a body of more than \(limit) bytes"
        }
    }
}
