import Base
import Crypto
import Gateway
import JSON
import System

/// `gatehouse config …`: signs a configuration and its lock, and looks whether a signature holds.
enum ConfigCommands {
    static let all = [key, sign, verify]

    static let trust = Command.Option(
        "--trust",
        "KEY",
        "take only what this public key signed (default: \(TrustAnchor.path), where it is)"
    )

    private static let config = Command.Option(
        "--config",
        "FILE",
        "the configuration (default: gatehouse.yaml)"
    )

    private static func place(_ name: String) throws -> String {
        Paths.join(try Process.workingDirectory(), name)
    }

    private static func configuration(_ invocation: Invocation) throws -> String {
        try place(try invocation.value("--config") ?? "gatehouse.yaml")
    }

    // MARK: The key

    private static let key = Command(
        "config key",
        "FILE",
        "make a key to sign configurations with; prints its public half",
        usesState: false,
        blocking: { invocation in
            let path = try place(try invocation.argument(0, "the new file"))
            let key = try Ed25519.SigningKey(from: SystemRandom())
            let text = key.seed.withBytes { Hex.encode(Array($0)) } + "\n"
            try Files.create(path, with: Array(text.utf8), mode: 0o600)
            let publicKey = TrustAnchor(publicKey: key.publicKey).text
            invocation.report(publicKey, ["key": JSONValue(publicKey)])
            return 0
        }
    )

    /// Reads a signing key; one that others may read is no secret any more.
    private static func signingKey(_ invocation: Invocation) throws -> Ed25519.SigningKey {
        guard let name = try invocation.value("--key") else {
            throw ControlError(
                .usage,
                "`--key` is missing",
                hint: "name the file that `gatehouse config key FILE` made"
            )
        }
        let path = try place(name)
        let facts = try FileFacts(path)
        guard facts.kind == .regular, facts.isPrivate else {
            throw ControlError(
                .refused,
                "`\(printable(path))` can be read by others than its owner",
                hint: "make a new key, and keep it with mode 0600"
            )
        }
        let bytes = try Files.read(path, limit: 4096, followsLinks: false)
        let text = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
        guard let seed = Hex.decode(text), seed.count == 32 else {
            throw ControlError(
                .refused,
                "`\(printable(path))` is no signing key",
                hint: "it holds 64 hexadecimal digits, as `gatehouse config key` writes them"
            )
        }
        return try Ed25519.SigningKey(seed: SecretBytes(seed))
    }

    // MARK: Signing

    private static let sign = Command(
        "config sign",
        "",
        "sign a configuration and its lock as they are now, into gatehouse.sig beside them",
        options: [
            config,
            Command.Option("--key", "FILE", "the signing key, made by `config key`"),
            Command.Option(
                "--serial",
                "N",
                "the serial (default: one more than in the signature there, if this key made it)"
            ),
        ],
        usesState: false,
        blocking: { invocation in
            let path = try configuration(invocation)
            let key = try signingKey(invocation)
            let files = try ConfigurationFiles.bytes(of: path)
            // What does not check is not worth a signature.
            let set = try ConfigurationFiles.set(of: files, at: path, hashing: OpenSSLHashing())
            let (environment, anchor) = (
                set.configuration.environment, TrustAnchor(publicKey: key.publicKey)
            )
            let signature = ConfigurationSignature(
                signing: files,
                environment: environment,
                serial: try given(invocation) ?? next(besides: path, environment, anchor),
                with: key,
                hashing: OpenSSLHashing()
            )
            try Files.replace(
                ConfigurationFiles.signaturePath(of: path),
                with: Array(signature.text.utf8),
                mode: 0o644
            )
            report(signature, by: anchor, invocation)
            return 0
        }
    )

    /// One more than the serial of the signature that is there.
    ///
    /// Whoever may write the files may write that one as well: it counts only where this key made it,
    /// or a stranger would choose the serial and could use them up.
    private static func next(
        besides path: String,
        _ environment: EnvironmentName,
        _ key: TrustAnchor
    ) throws -> Int {
        guard let last = try ConfigurationFiles.signature(beside: path) else { return 1 }
        guard last.isMade(by: key), last.environment == environment else {
            throw ControlError(
                .refused,
                "the `\(ConfigurationSignature.fileName)` that is there was not made with this key "
                    + "for `\(environment)`, so its serial does not count",
                hint:
                    "give one more than `gatehouse status` shows: `--serial N`; a new key begins with 1"
            )
        }
        guard last.serial < ConfigurationSignature.serials.upperBound else {
            throw ControlError(
                .refused,
                "there is no serial after \(last.serial)",
                hint: "make a new key, and have the gateways go by that one"
            )
        }
        return last.serial + 1
    }

    /// What `--serial` says.
    private static func given(_ invocation: Invocation) throws -> Int? {
        guard let text = try invocation.value("--serial") else { return nil }
        let serials = ConfigurationSignature.serials
        guard let serial = Int(text), serials.contains(serial) else {
            throw ControlError(
                .usage,
                "`--serial` takes a number from \(serials.lowerBound) to \(serials.upperBound)"
            )
        }
        return serial
    }

    // MARK: Verifying

    private static let verify = Command(
        "config verify",
        "",
        "say whether a configuration and its lock are signed as a gateway here would ask for",
        options: [config, trust],
        usesState: false,
        blocking: { invocation in
            guard let anchor = try TrustAnchor.here(option: try invocation.value("--trust")) else {
                throw ControlError(
                    .usage,
                    "this machine has no trust anchor",
                    hint: "put the public key into \(TrustAnchor.path), or give it with `--trust`"
                )
            }
            let path = try configuration(invocation)
            let set: PolicySet
            do throws(ConfigurationError) {
                set = try ConfigurationFiles.read(path, trust: anchor, hashing: OpenSSLHashing())
            } catch {
                throw ControlError(.refused, error.description, hint: error.hint)
            }
            guard let signature = set.signature else { return 1 }
            report(signature, by: anchor, invocation)
            return 0
        }
    )

    private static func report(
        _ signature: ConfigurationSignature,
        by key: TrustAnchor,
        _ invocation: Invocation
    ) {
        let lock = signature.lock?.description ?? "none"
        invocation.report(
            """
            signed by \(key.text)
            environment: \(signature.environment)
            serial: \(signature.serial)
            configuration: \(signature.configuration)
            lock: \(lock)
            """,
            [
                "key": JSONValue(key.text),
                "environment": JSONValue(signature.environment.rawValue),
                "serial": JSONValue(signature.serial),
                "configuration": JSONValue(signature.configuration.description),
                "lock": JSONValue(lock),
            ]
        )
    }
}
