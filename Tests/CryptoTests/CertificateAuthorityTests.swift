import Base
import Crypto
import Testing

@Suite struct CertificateAuthorityTests {
    private let start = Timestamp(milliseconds: 1_700_000_000_000)
    private let end = Timestamp(milliseconds: 4_000_000_000_000)

    /// Moves bytes between two sessions in memory until both are done; the client's error, if any.
    private func shake(_ client: TLSSession, _ server: TLSSession) throws {
        for _ in 0..<10 {
            let isClientDone = try client.handshake()
            try server.input(client.takeOutput())
            let isServerDone = try server.handshake()
            try client.input(server.takeOutput())
            if isClientDone, isServerDone { return }
        }
    }

    private func session(_ name: String, as shown: String? = nil) throws -> (TLSSession, TLSSession)
    {
        let authority = try CertificateAuthority(
            "test",
            for: ["api.example.com"],
            from: start,
            to: end
        )
        let file = "/tmp/gatehouse-authority-\(UInt64.random(in: 0 ... .max)).pem"
        try TestFile.write(authority.certificate, to: file)
        defer { TestFile.remove(file) }
        let (chain, key) = try authority.issue(for: shown ?? name, from: start, to: end)
        let serving = try TLSContext(
            serving: [TLSIdentity(name: name, chain: chain, key: key)]
        )
        let trusting = try TLSContext(client: .authorities(file: file))
        return (
            try TLSSession(connectingTo: name, isAddress: false, trusting),
            try TLSSession(accepting: serving)
        )
    }

    @Test func `a client that trusts it believes its certificate for the name`() throws {
        let (client, server) = try session("api.example.com")
        try shake(client, server)
        try client.write(Array("hello".utf8))
        try server.input(client.takeOutput())
        var bytes: [UInt8] = []
        #expect(try server.read(appendingTo: &bytes) == .bytes(5))
    }

    @Test func `it cannot speak for a name it was not made for`() throws {
        let (client, server) = try session("evil.example.net")
        #expect(throws: TLSError.self) { try shake(client, server) }
        let (other, wrong) = try session("api.example.com", as: "b.api.example.com")
        #expect(throws: TLSError.self) { try shake(other, wrong) }
    }

    @Test(arguments: ["", "a,DNS:b", "a b", "A.example", "a\nb"])
    func `a name that could be read as more is refused`(name: String) {
        #expect(throws: CryptoError.self) {
            try CertificateAuthority("test", for: [name], from: start, to: end)
        }
    }
}
