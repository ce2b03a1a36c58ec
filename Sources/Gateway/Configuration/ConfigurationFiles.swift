package import Base
import System

/// Reads a configuration and the lock beside it from disk.
package enum ConfigurationFiles {
    /// Where there is a trust anchor both must be signed by it, which is checked before either is read
    /// as anything.
    package static func read(
        _ path: String,
        trust: TrustAnchor? = nil,
        hashing: any Hashing
    ) throws(ConfigurationError) -> PolicySet {
        let files = try bytes(of: path)
        let signature = try trust.map { trust throws(ConfigurationError) in
            try verified(files, at: path, trust, hashing)
        }
        var set = try set(of: files, at: path, hashing: hashing)
        let environment = set.configuration.environment
        if let signature, signature.environment != environment {
            throw ConfigurationError(
                file: signaturePath(of: path),
                position: nil,
                problem:
                    "is for the environment `\(signature.environment)`, and the configuration is "
                    + "for `\(environment)`",
                hint: "sign it for this one: `gatehouse config sign --key FILE`"
            )
        }
        set.signed = signature.map { SignedFiles($0, for: files) }
        return set
    }

    /// What the files say, signed or not.
    package static func set(
        of files: ConfigurationSignature.Files,
        at path: String,
        hashing: any Hashing
    ) throws(ConfigurationError) -> PolicySet {
        let text = try SourceText(file: path, bytes: files.configuration)
        let configuration = try Configuration(text)
        let lock = try files.lock.map { bytes throws(ConfigurationError) in
            try LockFile(try SourceText(file: lockPath(of: path), bytes: bytes))
        }
        return try PolicySet(configuration, lock: lock ?? .empty, hashing: hashing)
    }

    /// Both files, each read once.
    package static func bytes(
        of path: String
    ) throws(ConfigurationError) -> ConfigurationSignature.Files {
        let lock = lockPath(of: path)
        return ConfigurationSignature.Files(
            configuration: try bytes(path),
            lock: Files.exists(lock) ? try bytes(lock) : nil
        )
    }

    private static func verified(
        _ files: ConfigurationSignature.Files,
        at path: String,
        _ trust: TrustAnchor,
        _ hashing: any Hashing
    ) throws(ConfigurationError) -> ConfigurationSignature {
        guard let signature = try signature(beside: path) else {
            throw ConfigurationError(
                file: signaturePath(of: path),
                position: nil,
                problem: "is missing, and this gateway takes only what is signed by \(trust.text)",
                hint: "sign the configuration and its lock: `gatehouse config sign --key FILE`"
            )
        }
        if let problem = signature.problem(files, trust, hashing) {
            throw ConfigurationError(
                file: signaturePath(of: path),
                position: nil,
                problem: problem.text,
                hint: problem.hint
            )
        }
        return signature
    }

    /// What the last signing left; nil when nothing was signed.
    package static func signature(
        beside path: String
    ) throws(ConfigurationError) -> ConfigurationSignature? {
        let place = signaturePath(of: path)
        return Files.exists(place) ? try ConfigurationSignature(try text(place)) : nil
    }

    /// `gatehouse.sig`, in the folder of the configuration.
    package static func signaturePath(of path: String) -> String {
        Files.join(Files.split(path).folder, ConfigurationSignature.fileName)
    }

    /// `gatehouse.lock`, in the folder of the configuration.
    package static func lockPath(of path: String) -> String {
        Files.join(Files.split(path).folder, "gatehouse.lock")
    }

    package static func text(_ path: String) throws(ConfigurationError) -> SourceText {
        try SourceText(file: path, bytes: try bytes(path))
    }

    private static func bytes(_ path: String) throws(ConfigurationError) -> [UInt8] {
        do throws(SystemError) {
            return try Files.read(path, limit: SourceText.byteCountLimit)
        } catch {
            throw ConfigurationError(file: path, position: nil, problem: "cannot be read: \(error)")
        }
    }
}
