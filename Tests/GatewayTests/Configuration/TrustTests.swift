import Base
import Crypto
import Gateway
import System
import TestKit
import Testing

@Suite struct TrustTests {
    private let key: Ed25519.SigningKey
    private let files = ConfigurationSignature.Files(
        configuration: Array("gatehouse: 1\n".utf8),
        lock: Array("gatehouse-lock: 1\n".utf8)
    )

    init() throws { key = try Ed25519.SigningKey(seed: SecretBytes([UInt8](1...32))) }

    private func signature(
        _ environment: String = "staging",
        serial: Int = 7,
        _ files: ConfigurationSignature.Files? = nil
    ) throws -> ConfigurationSignature {
        ConfigurationSignature(
            signing: files ?? self.files,
            environment: try EnvironmentName(environment),
            serial: serial,
            with: key,
            hashing: OpenSSLHashing()
        )
    }

    private func read(_ text: String) throws -> ConfigurationSignature {
        try ConfigurationSignature(source(text, file: "gatehouse.sig"))
    }

    private func problem(
        _ signature: ConfigurationSignature,
        _ files: ConfigurationSignature.Files? = nil,
        by publicKey: [UInt8]? = nil
    ) -> String? {
        signature.problem(
            files ?? self.files,
            TrustAnchor(publicKey: publicKey ?? key.publicKey),
            OpenSSLHashing()
        )?.text
    }

    @Test func `what was signed is read back and holds`() throws {
        let signed = try signature()
        #expect(try read(signed.text) == signed)
        #expect(problem(signed) == nil)
        let alone = ConfigurationSignature.Files(configuration: files.configuration, lock: nil)
        let unlocked = try signature("staging", serial: 1, alone)
        #expect(try read(unlocked.text) == unlocked)
        #expect(problem(unlocked, alone) == nil)
    }

    @Test(
        "a word changed in it is no signature",
        arguments: [
            "environment: production", "serial: 8", "lock: none",
            "configuration: sha256:" + String(repeating: "00", count: 32),
            "lock: sha256:" + String(repeating: "00", count: 32),
            "signature: \"" + String(repeating: "00", count: 64) + "\"",
        ]
    )
    func changed(line: String) throws {
        let key = line.prefix { $0 != ":" } + ":"
        let lines = try signature().text.split(separator: "\n").map { old in
            old.hasPrefix(key) ? line : String(old)
        }
        let read = try read(lines.joined(separator: "\n") + "\n")
        #expect(problem(read)?.hasPrefix("was not made with the key") == true)
    }

    @Test func `other files, a lock more or less, another key`() throws {
        let signed = try signature()
        var other = files.configuration
        other[0] ^= 1
        let changed = ConfigurationSignature.Files(configuration: other, lock: files.lock)
        #expect(problem(signed, changed)?.contains("another configuration") == true)
        let without = ConfigurationSignature.Files(configuration: files.configuration, lock: nil)
        #expect(problem(signed, without)?.contains("another `gatehouse.lock`") == true)
        let unlocked = try signature("staging", serial: 7, without)
        #expect(problem(unlocked)?.contains("another `gatehouse.lock`") == true)
        #expect(problem(signed, by: [UInt8](repeating: 3, count: 32)) != nil)
    }

    @Test func `a serial goes up, and one has one content`() throws {
        let seven = try signature()
        #expect(try signature(serial: 6).problem(after: seven) != nil)
        #expect(try signature(serial: 8).problem(after: seven) == nil)
        #expect(try signature().problem(after: seven) == nil)
        #expect(try signature("production").problem(after: seven) != nil)
    }

    @Test(
        "a file that is none",
        arguments: [
            "gatehouse-signature: 1\n", "gatehouse-signature: 2\nserial: 1\n", "{}", "[]",
        ]
    )
    func unreadable(text: String) {
        #expect(throws: ConfigurationError.self) { try read(text) }
    }

    @Test("a serial out of range", arguments: ["0", "-1", "2147483648", "1.5", "\"1\""])
    func serials(serial: String) throws {
        let text = try signature().text.replacing("serial: 7", with: "serial: \(serial)")
        #expect(throws: ConfigurationError.self) { try read(text) }
    }

    // MARK: The anchor

    @Test(
        "a text that is no key",
        arguments: [
            "", "ed25519:", "ed25519:00", String(repeating: "00", count: 32),
            "ed25519:" + String(repeating: "0g", count: 32),
            "ed25519:" + String(repeating: "00", count: 33),
        ]
    )
    func noKey(text: String) {
        #expect(throws: ControlError.self) { try TrustAnchor(text) }
    }

    @Test func `the file is its owner's alone, and agrees with the command line`() throws {
        let folder = TemporaryFolder()
        let file = folder.path + "/trust.pub"
        let own = Process.userID
        let anchor = TrustAnchor(publicKey: key.publicKey)
        #expect(try TrustAnchor.here(option: nil, file: file, owner: own) == nil)
        #expect(try TrustAnchor.here(option: anchor.text, file: file, owner: own) == anchor)
        try Files.create(file, with: Array((anchor.text + "\n").utf8), mode: 0o644)
        #expect(try TrustAnchor.here(option: nil, file: file, owner: own) == anchor)
        #expect(try TrustAnchor.here(option: anchor.text, file: file, owner: own) == anchor)
        let other = TrustAnchor(publicKey: [UInt8](repeating: 9, count: 32))
        #expect(throws: ControlError.self) {
            try TrustAnchor.here(option: other.text, file: file, owner: own)
        }
        #expect(throws: ControlError.self) {
            try TrustAnchor.here(option: nil, file: file, owner: own &+ 1)
        }
        try Files.replace(file, with: Array(anchor.text.utf8), mode: 0o664)
        #expect(throws: ControlError.self) {
            try TrustAnchor.here(option: nil, file: file, owner: own)
        }
        try Files.replace(file, with: [], mode: 0o644)
        #expect(throws: ControlError.self) {
            try TrustAnchor.here(option: nil, file: file, owner: own)
        }
    }
}
