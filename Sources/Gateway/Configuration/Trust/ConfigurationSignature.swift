package import Base
import Crypto
import JSON

/// What `gatehouse config sign` says of a configuration and its lock, as `gatehouse.sig` keeps it: one
/// Ed25519 signature (RFC 8032) over both digests, the environment and a serial.
///
/// The environment stands in it so that what was signed for one gateway is not taken by another, the
/// serial so that what held once is not put back.
package struct ConfigurationSignature: Sendable, Equatable {
    package let environment: EnvironmentName
    package let serial: Int
    /// SHA-256 of the bytes of the files; nil for a lock that is not there.
    package let configuration: Digest
    package let lock: Digest?
    let signature: [UInt8]

    package static let serials = 1...Int(Int32.max)
    package static let fileName = "gatehouse.sig"

    /// The two files as they were read, so that what is checked is what is taken.
    package struct Files: Sendable, Equatable {
        package let configuration: [UInt8]
        package let lock: [UInt8]?

        package init(configuration: [UInt8], lock: [UInt8]?) {
            self.configuration = configuration
            self.lock = lock
        }
    }

    package init(
        signing files: Files,
        environment: EnvironmentName,
        serial: Int,
        with key: any Signing,
        hashing: any Hashing
    ) {
        let configuration = hashing.sha256(files.configuration)
        let lock = files.lock.map { hashing.sha256($0) }
        self.init(
            environment: environment,
            serial: serial,
            configuration: configuration,
            lock: lock,
            signature: key.sign(Self.statement(environment, serial, configuration, lock))
        )
    }

    private init(
        environment: EnvironmentName,
        serial: Int,
        configuration: Digest,
        lock: Digest?,
        signature: [UInt8]
    ) {
        self.environment = environment
        self.serial = serial
        self.configuration = configuration
        self.lock = lock
        self.signature = signature
    }

    /// What is signed; a line each, so that no two of them can be read as one another.
    private static func statement(
        _ environment: EnvironmentName,
        _ serial: Int,
        _ configuration: Digest,
        _ lock: Digest?
    ) -> [UInt8] {
        let lines = [
            "gatehouse signed configuration 1", "environment \(environment)", "serial \(serial)",
            "configuration \(configuration)", "lock \(lock.map(\.description) ?? "none")",
        ]
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    // MARK: The file

    package init(_ text: SourceText) throws(ConfigurationError) {
        let root = Field(root: text)
        let members = try root.members(of: [
            "gatehouse-signature", "environment", "serial", "configuration", "lock", "signature",
        ])
        func member(_ name: String) throws(ConfigurationError) -> Field {
            guard let field = members[name] else {
                throw root.wrong("the key `\(name)` is missing")
            }
            return field
        }
        _ = try member("gatehouse-signature").integer(in: 1...1)
        let environment = try member("environment")
        let name = try environment.string()
        do throws(InvalidName) {
            self.environment = try EnvironmentName(name)
        } catch {
            throw environment.wrong("\(error)")
        }
        serial = try member("serial").integer(in: Self.serials)
        configuration = try member("configuration").digest()
        let lock = try member("lock")
        self.lock = lock.node.isString("none") ? nil : try lock.digest()
        let signature = try member("signature")
        guard let bytes = Hex.decode(Substring(try signature.string())), bytes.count == 64 else {
            throw signature.wrong("`signature` must be 128 hexadecimal digits")
        }
        self.signature = bytes
    }

    package var text: String {
        """
        # Both files hold as they were when this was made: `gatehouse config sign`.
        gatehouse-signature: 1
        environment: \(environment)
        serial: \(serial)
        configuration: sha256:\(configuration)
        lock: \(lock.map { "sha256:\($0)" } ?? "none")
        signature: "\(Hex.encode(signature))"

        """
    }

    // MARK: Checking

    /// Whether a key made it, whatever it says.
    package func isMade(by trust: TrustAnchor) -> Bool {
        Ed25519.Checker().isSignature(signature, of: statement, by: trust.publicKey)
    }

    /// Why it does not hold for these files, in the order things can be wrong; nil when it does.
    package func problem(
        _ files: Files,
        _ trust: TrustAnchor,
        _ hashing: any Hashing
    ) -> (text: String, hint: String)? {
        guard isMade(by: trust) else {
            return (
                "was not made with the key this gateway goes by, \(trust.text)",
                "sign with that key: `gatehouse config sign --key FILE`"
            )
        }
        let hint = "look at what changed, and sign anew: `gatehouse config sign --key FILE`"
        guard hashing.sha256(files.configuration) == configuration else {
            return ("is of another configuration than the one that is there", hint)
        }
        guard files.lock.map({ hashing.sha256($0) }) == lock else {
            return ("is of another `gatehouse.lock` than the one that is there", hint)
        }
        return nil
    }

    /// Why it must not come after another that was accepted here; nil when it may.
    package func problem(after accepted: Self) -> String? {
        if serial < accepted.serial {
            return "its serial is \(serial), and \(accepted.serial) was accepted already"
        }
        if serial == accepted.serial, statement != accepted.statement {
            return "another configuration was accepted with its serial, \(serial)"
        }
        return nil
    }

    /// All but the signature itself: the same may be signed twice.
    private var statement: [UInt8] {
        Self.statement(environment, serial, configuration, lock)
    }
}
