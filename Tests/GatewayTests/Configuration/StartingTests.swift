import Audit
import Base
import Crypto
import Policy
import Testing

@testable import Gateway

/// What a start runs under where there is a trust anchor, by what its state keeps.
@Suite struct StartingTests {
    private let key: Ed25519.SigningKey
    private let trust: TrustAnchor
    private let stranger: Ed25519.SigningKey

    private static let tight = """
        gatehouse: 1  # a comment stays
        environment: staging
        limits: [{ per: agent, calls: 60/h }]

        """
    private static let loose = "gatehouse: 1\r\nenvironment: staging\r\n"

    init() throws {
        key = try Ed25519.SigningKey(seed: SecretBytes([UInt8](1...32)))
        trust = TrustAnchor(publicKey: key.publicKey)
        stranger = try Ed25519.SigningKey(seed: SecretBytes([UInt8](2...33)))
    }

    /// A configuration, signed for its text or for another one.
    private func signed(
        _ text: String,
        serial: Int,
        by other: Ed25519.SigningKey? = nil,
        for bytes: String? = nil,
        lock: String? = nil
    ) throws -> PolicySet {
        var set = try unsigned(text, lock: lock)
        let signature = ConfigurationSignature(
            signing: files(bytes ?? text, lock),
            environment: set.configuration.environment,
            serial: serial,
            with: other ?? key,
            hashing: hashing
        )
        set.signed = SignedFiles(signature, for: files(text, lock))
        return set
    }

    private func unsigned(_ text: String, lock: String? = nil) throws -> PolicySet {
        try ConfigurationFiles.set(of: files(text, lock), at: "gatehouse.yaml", hashing: hashing)
    }

    private func files(_ text: String, _ lock: String?) -> ConfigurationSignature.Files {
        ConfigurationSignature.Files(
            configuration: Array(text.utf8),
            lock: lock.map { Array($0.utf8) }
        )
    }

    private func start(
        _ found: PolicySet,
        after accepted: PolicySet?,
        last: ConfigurationSignature? = nil
    ) throws -> StartingConfiguration {
        try StartingConfiguration(
            found,
            after: KeptConfiguration(accepted: accepted, last: last),
            trust: trust,
            hashing
        )
    }

    private func isClosed(_ start: StartingConfiguration) throws -> Bool {
        start.set.acceptedText == (try PolicySet.nothing(like: start.set)).acceptedText
    }

    @Test(
        "what the state keeps is read back byte for byte",
        arguments: [nil, "gatehouse-lock: 1\ntenants: {}\n"]
    )
    func kept(lock: String?) throws {
        for set in [try signed(Self.loose, serial: 3, lock: lock), try unsigned(Self.tight)] {
            let read = try PolicySet(acceptedText: set.acceptedText, file: "gatehouse.yaml")
            #expect(read.signed == set.signed)
            #expect(read.acceptedText == set.acceptedText)
            #expect(read.signed?.hold(under: trust, hashing) ?? true)
        }
    }

    @Test func `a looser one waits while the accepted one is signed by the key`() throws {
        let accepted = try signed(Self.tight, serial: 7)
        let start = try start(
            signed(Self.loose, serial: 8),
            after: accepted,
            last: accepted.signature
        )
        #expect(start.set.signature?.serial == 7)
        #expect(start.pending?.set.signature?.serial == 8)
        #expect(start.pending?.replaced == nil)
    }

    @Test func `an accepted one that the key did not sign does not run on`() throws {
        let old = try signed(Self.tight, serial: 7, by: stranger)
        let tampered = try signed(Self.tight, serial: 7, for: Self.loose)
        for accepted in [try unsigned(Self.tight), old, tampered] {
            let start = try start(signed(Self.loose, serial: 8), after: accepted)
            #expect(try isClosed(start))
            #expect(start.pending?.set.signature?.serial == 8)
            #expect(
                start.pending?.loosens.first?.contains("is not signed by \(trust.text)") == true
            )
            // Programs are known by what ran, not by the nothing in its place.
            #expect(start.pending?.replaced?.acceptedText == accepted.acceptedText)
        }
    }

    @Test func `an older one put back into the state does not run on`() throws {
        let last = try signed(Self.tight, serial: 8).signature
        let start = try start(
            signed(Self.loose, serial: 9),
            after: signed(Self.tight, serial: 7),
            last: last
        )
        #expect(try isClosed(start))
    }

    @Test func `what loosens nothing is taken over from what nobody signed`() throws {
        for accepted in [try unsigned(Self.loose), try signed(Self.loose, serial: 9, by: stranger)]
        {
            let start = try start(signed(Self.tight, serial: 1), after: accepted)
            #expect(start.set.signature?.serial == 1)
            #expect(start.pending == nil)
            #expect(start.keptBecause == "start")
        }
    }

    @Test func `an unsigned one in between does not make the last serial forgotten`() throws {
        let last = try signed(Self.tight, serial: 8).signature
        let found = try signed(Self.tight, serial: 7)
        for accepted in [try unsigned(Self.tight), nil] {
            #expect(throws: ConfigurationError.self) {
                try start(found, after: accepted, last: last)
            }
        }
        let same = try signed(Self.tight, serial: 8)
        #expect(try start(same, after: unsigned(Self.tight), last: last).keptBecause == "start")
        #expect(try start(same, after: same, last: last).keptBecause == nil)
    }

    @Test func `at the end of the serials only another key goes on`() throws {
        let end = ConfigurationSignature.serials.upperBound
        let last = try signed(Self.tight, serial: end)
        let error = #expect(throws: ConfigurationError.self) {
            try start(signed(Self.tight, serial: end - 1), after: last, last: last.signature)
        }
        #expect(error?.hint?.contains("sign with a new key") == true)
        #expect(
            last.signature?.keeping(under: trust).key
                != last.signature?.keeping(
                    under: TrustAnchor(publicKey: stranger.publicKey)
                ).key
        )
    }
}
