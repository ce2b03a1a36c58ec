import Base
import Crypto
import System
import TestKit
import Testing

@testable import HTTP

@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: Certificates.canBeMade, "the program openssl is not here")
)
struct ServerTLSTests {
    @Test func `what cannot be shown is refused when it is loaded, with what is wrong`()
        async throws
    {
        let good = try await Certificates.identity("good")
        let empty = SecretBytes([])
        let cases: [(TLSIdentity, String)] = [
            (TLSIdentity(name: "a", chain: [], key: good.key), "`a`: it is no chain"),
            (TLSIdentity(name: "a", chain: Array("no".utf8), key: good.key), "it is no chain"),
            (TLSIdentity(name: "a", chain: good.chain, key: empty), "its key is none in PEM form"),
            (
                TLSIdentity(name: "a", chain: good.chain, key: SecretBytes(good.chain)),
                "its key is none in PEM form"
            ),
            (
                try await Certificates.identity("good", key: "foreign"),
                "its key is not the certificate's"
            ),
        ]
        for (identity, reason) in cases {
            // As the first, and as one of several.
            for list in [[identity], [good, identity]] {
                let error = #expect(throws: TLSError.self) { try TLSContext(serving: list) }
                #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
            }
        }
        #expect(throws: TLSError.self) { try TLSContext(serving: []) }
        let none = TLSClientTrust(name: "b", authorities: [], isRequired: true)
        #expect(throws: TLSError.self) { try TLSContext(serving: [good], askingFor: none) }
    }

    /// Texts of certificates that must not be taken for what can be read of them.
    private static func damaged(_ good: [UInt8]) -> [(text: [UInt8], reason: String)] {
        let (begin, end) = ("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n")
        return [
            (good + Array((begin + "!!!!\n" + end).utf8) + good, "bad base64 decode"),
            (good + Array((begin + "AAAA\n" + end).utf8) + good, "cannot be read"),
            (good + good.prefix(good.count / 2), "bad end line"),
        ]
    }

    @Test func `of the authorities of clients all count, or the file is refused`() async throws {
        let folder = try await Certificates.folder.value
        let good = try await Certificates.identity("good")
        let authority = try Files.read("\(folder)/ca.pem", limit: 1 << 20)
        func ask(_ authorities: [UInt8]) throws(TLSError) {
            let trust = TLSClientTrust(name: "b", authorities: authorities, isRequired: true)
            _ = try TLSContext(serving: [good], askingFor: trust)
        }
        let most = Array(repeatElement(authority, count: 256).joined())
        try ask(most)
        try ask(most + Array("words after the last\n".utf8))
        let many = #expect(throws: TLSError.self) { try ask(most + authority) }
        #expect(many == .notLoaded(files: ["b"], reason: "it holds more than 256 certificates"))
        for (text, reason) in Self.damaged(authority) {
            let error = #expect(throws: TLSError.self) { try ask(text) }
            let words = "`b`: a certificate in it cannot be read ("
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test func `of a chain all counts, or it is refused`() async throws {
        let good = try await Certificates.identity("good")
        func serve(_ chain: [UInt8]) throws(TLSError) {
            let identity = TLSIdentity(name: "a", chain: chain, key: good.key)
            _ = try TLSContext(serving: [identity])
        }
        let most = Array(repeatElement(good.chain, count: 16).joined())
        try serve(most)
        let many = #expect(throws: TLSError.self) { try serve(most + good.chain) }
        #expect(many == .notLoaded(files: ["a"], reason: "it holds more than 16 certificates"))
        for (text, reason) in Self.damaged(good.chain) {
            let error = #expect(throws: TLSError.self) { try serve(text) }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test func `of the authorities a client believes all count, or the file is refused`()
        async throws
    {
        let authority = try Files.read(
            "\(try await Certificates.folder.value)/ca.pem",
            limit: 1 << 20
        )
        let folder = TemporaryFolder("authorities")
        func believe(_ text: [UInt8], _ name: String) throws {
            let file = "\(folder.path)/\(name).pem"
            try Files.create(file, with: text, mode: 0o600)
            _ = try TLSContext(client: .authorities(file: file))
        }
        // No number is a limit here: a machine's own file holds hundreds.
        try believe(Array(repeatElement(authority, count: 300).joined()), "many")
        for (number, text) in Self.damaged(authority).map(\.text).enumerated() {
            #expect(throws: TLSError.self) { try believe(text, "damaged-\(number)") }
        }
    }

    @Test func `what stands in a certificate`() async throws {
        let folder = try await Certificates.folder.value
        func read(_ name: String) throws -> Certificate {
            let pem = try Files.read("\(folder)/\(name).pem", limit: 1 << 20)
            return try #require(Certificate(pem: pem))
        }
        let good = try read("good")
        #expect(good.subject == "CN=good")
        #expect(good.names == [.dns("upstream.test"), .address([127, 0, 0, 1])])
        #expect(good.isFor("upstream.test", isAddress: false))
        #expect(good.isFor("127.0.0.1", isAddress: true))
        // Its subject is no host name, and a name is no address.
        for (name, isAddress) in [
            ("good", false), ("127.0.0.1", false), ("127.0.0.2", true), ("", false),
        ] {
            #expect(!good.isFor(name, isAddress: isAddress), "\(name)")
        }
        #expect(good.notAfter.milliseconds - good.notBefore.milliseconds == 2 * 86_400_000)
        #expect(
            try read("agent").names == [.uri("spiffe://acme/agent"), .email("bot@acme.test")]
        )
        #expect(try read("expired").notAfter < SystemClock().timestamp)
        #expect(try read("good").digest != read("agent").digest)
        #expect(Certificate(pem: []) == nil)
        #expect(Certificate(pem: Array("-----BEGIN CERTIFICATE-----\nAA==\n".utf8)) == nil)
    }

    @Test func `a client that stays silent is cut off in time, and counted`() async throws {
        let context = try TLSContext(serving: [try await Certificates.identity("good")])
        try await onLoop { loop in
            let told = Lock<[String]>([])
            let tls = ServerTLS(context) { _, reason in told.withLock { $0.append(reason) } }
            var limits = HTTPServerLimits()
            limits.handshakeTimeout = .milliseconds(50)
            let server = HTTPServer(
                on: loop,
                handler: echo,
                budget: BufferBudget(on: loop),
                clock: SystemClock(),
                limits: limits
            )
            let address = try await server.listen(on: .ip(.loopback, port: 0), tls: tls)
            let peer = try await RawPeer.connect(to: address, on: loop)
            // The beginning of a handshake, and nothing more.
            try await peer.send("\u{16}\u{3}\u{1}")
            #expect(try await peer.rest() == "")
            #expect(tls.tally == ServerTLS.Tally(timedOut: 1))
            #expect(told.withLock { $0 } == ["it did not end its handshake in time"])
            await peer.close()
            await server.shutDown(within: .zero)
        }
    }

    @Test func `a client must show what the server asks for`() async throws {
        let folder = try await Certificates.folder.value
        let trust = TLSClientTrust(
            name: "ca",
            authorities: try Files.read("\(folder)/ca.pem", limit: 1 << 20),
            isRequired: true
        )
        let good = try await Certificates.identity("good")
        let context = try TLSContext(serving: [good], askingFor: trust)
        let trusted = try TLSContext(client: .authorities(file: "\(folder)/ca.pem"))
        try await onLoop { loop in
            let tls = ServerTLS(context)
            let server = HTTPServer(
                on: loop,
                handler: echo,
                budget: BufferBudget(on: loop),
                clock: SystemClock()
            )
            let address = try await server.listen(on: .ip(.loopback, port: 0), tls: tls)
            let client = try HTTPClient.test("https://\(address)/", on: loop, tls: trusted)
            await #expect(throws: HTTPClientError.self) { try await client.post("x") }
            #expect(tls.tally == ServerTLS.Tally(failed: 1))
            await client.close()
            await server.shutDown(within: .zero)
        }
    }
}
