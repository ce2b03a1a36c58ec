package import Base
private import COpenSSL

/// Signs certificates for the hosts whose TLS the gateway ends for one server.
///
/// Its key was made in this process and never leaves it. It is constrained to the names it was made
/// for, so that even whoever stole it could not pose as another host.
@safe
package final class CertificateAuthority: @unchecked Sendable {
    // Signing only reads it; `lock` keeps OpenSSL's lazily made caches to one thread.
    private let pointer: OpaquePointer
    private let lock = Lock(())
    /// In PEM form, for who is to trust it.
    package let certificate: [UInt8]

    private static let byteCountLimit = 16 << 10

    /// - Parameter names: the only hosts it can speak for; host names, lower case.
    package init(
        _ name: String,
        for names: [String],
        from start: Timestamp,
        to end: Timestamp
    ) throws(CryptoError) {
        guard !names.isEmpty, names.allSatisfy(Self.isPlain), !name.utf8.contains(0),
            let pointer = unsafe copenssl_authority_create(
                String(name.prefix(48)),
                "critical," + names.map { "permitted;DNS:" + $0 }.joined(separator: ","),
                start.milliseconds / 1000,
                end.milliseconds / 1000
            )
        else { throw .refused(step: "making a certificate authority") }
        unsafe self.pointer = unsafe pointer
        var bytes = [UInt8](repeating: 0, count: Self.byteCountLimit)
        let count = unsafe copenssl_authority_certificate(pointer, &bytes, bytes.count)
        certificate = count > 0 ? Array(bytes.prefix(count)) : []
    }

    deinit { unsafe copenssl_authority_free(pointer) }

    /// A key and a certificate for one of its names, in PEM form; the chain with its own.
    package func issue(
        for name: String,
        from start: Timestamp,
        to end: Timestamp
    ) throws(CryptoError) -> (chain: [UInt8], key: SecretBytes) {
        guard Self.isPlain(name) else { throw .refused(step: "signing for a host") }
        var chain = [UInt8](repeating: 0, count: Self.byteCountLimit)
        var key = [UInt8](repeating: 0, count: 4 << 10)
        var (chainCount, keyCount) = (chain.count, key.count)
        let status = lock.withLock { _ in
            unsafe copenssl_authority_issue(
                pointer,
                name,
                start.milliseconds / 1000,
                end.milliseconds / 1000,
                &chain,
                &chainCount,
                &key,
                &keyCount
            )
        }
        guard status == 0 else { throw .refused(step: "signing for a host") }
        return (Array(chain.prefix(chainCount)), SecretBytes(Array(key.prefix(keyCount))))
    }

    /// What can stand in an extension's text without being read as more.
    private static func isPlain(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d
                    || byte == 0x2e || byte == 0x5f
            }
    }
}
