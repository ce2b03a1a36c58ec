private import COpenSSL

/// One TLS connection in memory: bytes of the peer go in, bytes for the peer come out, and whoever
/// owns the socket moves them.
///
/// After every call `takeOutput` may have something to send.
@safe
package final class TLSSession {
    package enum ReadOutcome: Equatable, Sendable {
        case bytes(Int)
        /// Nothing more can be decrypted until more input comes.
        case needsInput
        /// The peer ended in order.
        case ended
    }

    private let pointer: OpaquePointer
    private let context: TLSContext
    /// The most one record holds (RFC 8446 section 5.1).
    private static let recordByteCount = 16 << 10

    /// The client's side; `host` is the name or address the server's certificate must be for.
    package init(
        connectingTo host: String,
        isAddress: Bool,
        _ context: TLSContext,
        offersHTTP2: Bool = false
    ) throws(TLSError) {
        guard !host.isEmpty, !host.utf8.contains(0), !context.isServer,
            let pointer = unsafe copenssl_tls_new(context.pointer, host, isAddress ? 1 : 0)
        else { throw .failed(reason: "no session for `\(host)`") }
        unsafe self.pointer = unsafe pointer
        self.context = context
        if offersHTTP2 { unsafe copenssl_tls_offer_http2(pointer) }
    }

    /// The server's side.
    package init(accepting context: TLSContext, offersHTTP2: Bool = false) throws(TLSError) {
        guard context.isServer, let pointer = unsafe copenssl_tls_new(context.pointer, nil, 0)
        else { throw .failed(reason: "no session for a client") }
        unsafe self.pointer = unsafe pointer
        self.context = context
        if offersHTTP2 { unsafe copenssl_tls_offer_http2(pointer) }
    }

    deinit { unsafe copenssl_tls_free(pointer) }

    /// Takes bytes that came from the peer.
    package func input(_ bytes: [UInt8]) throws(TLSError) {
        let status = unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return CInt(0) }
            return unsafe copenssl_tls_input(pointer, base, buffer.count)
        }
        guard status == 0 else { throw .failed(reason: "out of memory") }
    }

    /// What has to be sent to the peer now; empty when nothing has.
    package func takeOutput() -> [UInt8] {
        let count = unsafe copenssl_tls_output_count(pointer)
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            guard let base = buffer.baseAddress else { return }
            written = unsafe copenssl_tls_output(pointer, base, count)
        }
    }

    /// Goes on with the handshake; true when it is done.
    package func handshake() throws(TLSError) -> Bool {
        switch unsafe copenssl_tls_handshake(pointer) {
        case CInt(COPENSSL_TLS_OK): return true
        case CInt(COPENSSL_TLS_WANTS_INPUT): return false
        default: throw .failed(reason: unsafe Self.errorText(pointer))
        }
    }

    /// Decrypts what is there to the end of `bytes`, at most one record.
    package func read(appendingTo bytes: inout [UInt8]) throws(TLSError) -> ReadOutcome {
        // OpenSSL takes its time to find that nothing is there, and is asked after each record.
        guard unsafe copenssl_tls_has_input(pointer) != 0 else { return .needsInput }
        // Room for one record, lent for this call: a session that is idle holds none.
        let count = unsafe withUnsafeTemporaryAllocation(
            of: UInt8.self,
            capacity: Self.recordByteCount
        ) { scratch in
            guard let base = scratch.baseAddress else { return 0 }
            let count = unsafe copenssl_tls_read(pointer, base, scratch.count)
            if count > 0 { unsafe bytes.append(contentsOf: scratch.prefix(count)) }
            return count
        }
        if count > 0 { return .bytes(count) }
        switch count {
        case COPENSSL_TLS_WANTS_INPUT: return .needsInput
        case COPENSSL_TLS_ENDED: return .ended
        default: throw .failed(reason: unsafe Self.errorText(pointer))
        }
    }

    /// Encrypts all of `bytes`.
    package func write(_ bytes: [UInt8]) throws(TLSError) {
        let status = unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return CInt(0) }
            return unsafe copenssl_tls_write(pointer, base, buffer.count)
        }
        guard status == 0 else { throw .failed(reason: unsafe Self.errorText(pointer)) }
    }

    /// What the peer has shown of itself, after the handshake; nil where it was not asked or has none.
    ///
    /// It led to an authority that was asked for, or the handshake had failed.
    package var peerCertificate: Certificate? {
        unsafe copenssl_certificate_of_peer(pointer).flatMap { unsafe Certificate(adopting: $0) }
    }

    /// Whether both sides agreed on HTTP/2, after the handshake (ALPN, RFC 7301).
    package var speaksHTTP2: Bool { unsafe copenssl_tls_speaks_http2(pointer) != 0 }

    /// Says that nothing more comes (close_notify); it waits in the output.
    package func close() { unsafe copenssl_tls_close(pointer) }

    /// What OpenSSL says of the last failure on this thread.
    static var lastErrorText: String { unsafe errorText(nil) }

    private static func errorText(_ pointer: OpaquePointer?) -> String {
        var text = [CChar](repeating: 0, count: 256)
        let count = unsafe text.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe copenssl_tls_error_text(pointer, base, buffer.count)
        }
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
