private import COpenSSL

/// What all sessions of one client or one server share: trust, or certificate and key.
///
/// Made once, then only read: OpenSSL counts references under a lock of its own, which is what makes
/// `@unchecked Sendable` true.
@safe
package final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let isServer: Bool

    /// For connecting to servers whose certificate leads to one of those in `trust`.
    package init(client trust: TLSTrust) throws(TLSError) {
        let made: OpaquePointer?
        let files: [String]
        switch trust {
        case .systemRoots:
            unsafe made = copenssl_tls_client_context(nil)
            files = ["the machine's certificates"]
        case .authorities(let file):
            guard !file.utf8.contains(0) else { throw .notLoaded(files: [file], reason: "NUL") }
            unsafe made = copenssl_tls_client_context(file)
            files = [file]
        }
        guard let pointer = unsafe made else {
            throw .notLoaded(files: files, reason: TLSSession.lastErrorText)
        }
        unsafe self.pointer = unsafe pointer
        isServer = false
    }

    /// For a server that shows the first of `identities` which is for the name a client asks for,
    /// and to all others the very first.
    package init(
        serving identities: [TLSIdentity],
        askingFor clients: TLSClientTrust? = nil
    ) throws(TLSError) {
        guard !identities.isEmpty, let pointer = unsafe copenssl_tls_server_context() else {
            throw .notLoaded(files: [], reason: "a server needs a certificate")
        }
        unsafe self.pointer = unsafe pointer
        isServer = true
        for identity in identities { try add(identity) }
        guard let clients else { return }
        let status = unsafe clients.authorities.withUnsafeBufferPointer { pem in
            guard let base = pem.baseAddress else { return CInt(COPENSSL_TLS_NO_CHAIN) }
            let isRequired: CInt = clients.isRequired ? 1 : 0
            return unsafe copenssl_tls_server_ask(pointer, base, pem.count, isRequired)
        }
        guard status == COPENSSL_TLS_OK else {
            throw .notLoaded(
                files: [clients.name],
                reason: Self.reason(
                    status,
                    limit: COPENSSL_TLS_AUTHORITY_LIMIT,
                    none: "it holds no certificates in PEM form"
                )
            )
        }
    }

    private func add(_ identity: TLSIdentity) throws(TLSError) {
        let status = identity.key.withBytes { key in
            unsafe identity.chain.withUnsafeBufferPointer { chain in
                unsafe key.withUnsafeBufferPointer { key in
                    guard let first = chain.baseAddress else { return CInt(COPENSSL_TLS_NO_CHAIN) }
                    guard let secret = key.baseAddress else { return CInt(COPENSSL_TLS_NO_KEY) }
                    return unsafe copenssl_tls_server_add(
                        pointer,
                        first,
                        chain.count,
                        secret,
                        key.count
                    )
                }
            }
        }
        guard status != COPENSSL_TLS_OK else { return }
        throw .notLoaded(
            files: [identity.name],
            reason: Self.reason(
                status,
                limit: COPENSSL_TLS_CHAIN_LIMIT,
                none: "it is no chain of certificates in PEM form"
            )
        )
    }

    /// Why OpenSSL took no certificates, or no key: at most `limit` of them, and `none` for no one.
    private static func reason(_ status: CInt, limit: Int, none: String) -> String {
        switch Int(status) {
        case COPENSSL_TLS_NO_CHAIN: none
        case COPENSSL_TLS_UNREADABLE:
            "a certificate in it cannot be read (\(TLSSession.lastErrorText)); none of it is used"
        case COPENSSL_TLS_TOO_MANY: "it holds more than \(limit) certificates"
        case COPENSSL_TLS_NO_KEY: "its key is none in PEM form without a passphrase"
        case COPENSSL_TLS_MISMATCH:
            "its key is not the certificate's; they do not belong together"
        default: TLSSession.lastErrorText
        }
    }

    deinit { unsafe copenssl_tls_context_free(pointer) }
}
