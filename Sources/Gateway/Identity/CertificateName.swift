import Base
package import Crypto

/// A name in a client's certificate that stands for one credential: `uri:spiffe://acme/bot`,
/// `dns:bot.acme.example`, `email:bot@acme.example`, `subject:CN=bot,O=Acme` or `sha256:…`.
///
/// Compared byte for byte: no wildcards, no folding of case, no second spelling.
package struct CertificateName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    private static let kinds: Set<String> = ["uri", "dns", "email", "subject", "sha256"]
    private static let byteCount = 1 << 10

    /// Nil for anything else; the digest is 64 hexadecimal digits in small letters.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let kind = String(text[..<colon])
        let value = text[text.index(after: colon)...]
        guard Self.kinds.contains(kind), !value.isEmpty, text.utf8.count <= Self.byteCount,
            text.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else { return nil }
        if kind == "sha256" {
            guard let bytes = Hex.decode(String(value)), bytes.count == 32,
                Hex.encode(bytes) == value
            else { return nil }
        }
        self.text = text
    }

    package var description: String { text }

    /// Every name that certificate has, the whole certificate's digest among them.
    package static func all(in certificate: Certificate) -> [CertificateName] {
        var texts = ["sha256:\(certificate.digest)", "subject:\(certificate.subject)"]
        for name in certificate.names {
            switch name {
            case .dns(let text): texts.append("dns:\(text)")
            case .uri(let text): texts.append("uri:\(text)")
            case .email(let text): texts.append("email:\(text)")
            case .address: continue
            }
        }
        return texts.compactMap { CertificateName($0) }
    }
}
