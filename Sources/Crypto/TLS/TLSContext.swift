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

    /// For a server with the certificate chain and the key in those PEM files.
    package init(serverChain chain: String, key: String) throws(TLSError) {
        guard !chain.utf8.contains(0), !key.utf8.contains(0) else {
            throw .notLoaded(files: [chain, key], reason: "NUL")
        }
        guard let pointer = unsafe copenssl_tls_server_context(chain, key) else {
            throw .notLoaded(files: [chain, key], reason: TLSSession.lastErrorText)
        }
        unsafe self.pointer = unsafe pointer
        isServer = true
    }

    deinit { unsafe copenssl_tls_context_free(pointer) }
}
