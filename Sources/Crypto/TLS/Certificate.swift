package import Base
private import COpenSSL

/// What stands in a certificate (RFC 5280).
package struct Certificate: Sendable {
    /// An alternative name of the subject.
    package enum Name: Hashable, Sendable {
        case dns(String)
        case uri(String)
        case email(String)
        /// Four or sixteen bytes.
        case address([UInt8])
    }

    /// The subject as RFC 2253 writes it: `CN=gate,O=Acme`.
    package let subject: String
    package let names: [Name]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    /// SHA-256 of the whole certificate.
    package let digest: Digest
    private let handle: Handle

    /// Nothing changes it, and OpenSSL counts references under a lock of its own, which is what
    /// makes `@unchecked Sendable` true.
    @safe
    private final class Handle: @unchecked Sendable {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }
        deinit { unsafe copenssl_certificate_free(pointer) }
    }

    private static let subjectByteCount = 4 << 10
    private static let nameByteCount = 2 << 10
    private static let nameCount = 256

    /// The first certificate of a PEM text; nil when there is none that can be read whole.
    package init?(pem: [UInt8]) {
        guard !pem.isEmpty,
            let pointer = unsafe copenssl_certificate_read(pem, pem.count)
        else { return nil }
        unsafe self.init(adopting: pointer)
    }

    /// Takes the pointer over.
    init?(adopting pointer: OpaquePointer) {
        handle = unsafe Handle(pointer)
        var (from, to): (Int64, Int64) = (0, 0)
        var digest = [UInt8](repeating: 0, count: 32)
        guard unsafe copenssl_certificate_times(pointer, &from, &to) == 0,
            unsafe copenssl_certificate_digest(pointer, &digest) == 0,
            let digest = Digest(bytes: digest),
            let from = Self.timestamp(from), let to = Self.timestamp(to),
            let subject = unsafe Self.subject(of: pointer),
            let names = unsafe Self.names(of: pointer)
        else { return nil }
        notBefore = from
        notAfter = to
        self.digest = digest
        self.subject = subject
        self.names = names
    }

    /// Whether it is for that host name, or address; the subject does not count (RFC 9525).
    package func isFor(_ name: String, isAddress: Bool) -> Bool {
        guard !name.isEmpty, !name.utf8.contains(0) else { return false }
        return unsafe copenssl_certificate_is_for(handle.pointer, name, isAddress ? 1 : 0) == 1
    }

    private static func timestamp(_ seconds: Int64) -> Timestamp? {
        let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? nil : Timestamp(milliseconds: milliseconds)
    }

    private static func subject(of pointer: OpaquePointer) -> String? {
        var text = [CChar](repeating: 0, count: subjectByteCount)
        let count = unsafe copenssl_certificate_subject(pointer, &text, text.count)
        guard count >= 0 else { return nil }
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Nil when there are more, or longer ones, than anybody needs: none may stay unseen.
    private static func names(of pointer: OpaquePointer) -> [Name]? {
        var names: [Name] = []
        var bytes = [UInt8](repeating: 0, count: nameByteCount)
        for index in 0... {
            var kind: CInt = 0
            let count = unsafe copenssl_certificate_name(
                pointer,
                index,
                &kind,
                &bytes,
                bytes.count
            )
            if count == -1 { return names }
            guard count >= 0, index < nameCount else { return nil }
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            switch Int(kind) {
            case COPENSSL_NAME_DNS: names.append(.dns(text))
            case COPENSSL_NAME_URI: names.append(.uri(text))
            case COPENSSL_NAME_EMAIL: names.append(.email(text))
            case COPENSSL_NAME_ADDRESS: names.append(.address(Array(bytes.prefix(count))))
            default: continue
            }
        }
        return names
    }
}
