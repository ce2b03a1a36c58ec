import Gateway
import TestKit
import Testing

@Suite struct CertificateNameTests {
    private static let digest = String(repeating: "0a", count: 32)

    @Test(
        "what names a certificate",
        arguments: [
            "uri:spiffe://acme/bot", "dns:bot.acme.test", "email:bot@acme.test",
            "subject:CN=bot,O=Acme Ltd", "sha256:" + digest,
            "dns:" + String(repeating: "a", count: 1020),
        ]
    )
    func taken(text: String) { #expect(CertificateName(text)?.text == text) }

    @Test(
        "what does not",
        arguments: [
            "", "bot", "dns:", ":x", "DNS:x", "cn:x", "ip:10.0.0.1", "dns:b\u{f6}t", "dns:a\nb",
            "sha256:" + digest.dropLast(), "sha256:" + digest.uppercased(),
            "sha256:" + digest + "00", "dns:" + String(repeating: "a", count: 1021),
        ]
    )
    func refused(text: String) { #expect(CertificateName(text) == nil) }
}
