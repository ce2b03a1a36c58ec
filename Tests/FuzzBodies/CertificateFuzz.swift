import Crypto
import Gateway

/// Certificates, as an authority may sign them, and what a peer says before anybody is known.
enum CertificateFuzz {
    /// What is read is names that can be a credential's, in the spelling they are compared in.
    static func check(_ bytes: [UInt8]) {
        if let certificate = Certificate(pem: bytes) {
            for name in CertificateName.all(in: certificate) {
                expect(CertificateName(name.text) == name, "a name reads back as itself")
            }
            expect(!certificate.isFor("", isAddress: false), "no certificate is for no name")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if let name = CertificateName(text) {
            expect(name.text == text, "a name is taken as it is written, or not at all")
            expect(text.utf8.count <= 1024, "names have a limit")
        }
        guard let context,
            let session = try? TLSSession(connectingTo: "a.test", isAddress: false, context)
        else { return }
        // Two pieces, as a network cuts them.
        for piece in [bytes.prefix(bytes.count / 2), bytes.dropFirst(bytes.count / 2)] {
            do throws(TLSError) {
                _ = try session.handshake()
                try session.input(Array(piece))
                let isDone = try session.handshake()
                expect(!isDone, "nobody is believed for bytes alone")
            } catch { return }
        }
    }

    /// Made once; it believes what the machine believes, and nobody here has a key of that.
    private static let context = try? TLSContext(client: .systemRoots)
}
