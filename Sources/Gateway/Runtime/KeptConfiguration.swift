import Audit
import Base
import Crypto
import JSON
import Storage
import System

/// What a state keeps of the configuration that was accepted under it.
struct KeptConfiguration {
    /// Nil where it is lost, though the log says that there was one.
    let accepted: PolicySet?
    /// The last signature accepted under the present trust anchor.
    let last: ConfigurationSignature?

    init(accepted: PolicySet?, last: ConfigurationSignature?) {
        self.accepted = accepted
        self.last = last
    }

    /// Nil for a state under which nothing was accepted yet; blocks.
    init?(
        in state: StateFolder,
        _ rows: StateRows,
        trust: TrustAnchor?,
        like found: PolicySet
    ) throws {
        guard Files.exists(state.path + "/log.db"),
            let archive = try? LogArchive(folder: state.path, OpenSSLHashing())
        else { return nil }
        let entry = try archive.entry(StartingConfiguration.key, openedBy: rows)
        let isFirst = try entry == nil && !Self.wasAccepted(archive)
        guard !isFirst else { return nil }
        let accepted = try entry.map { entry in
            try PolicySet(acceptedText: entry.value, file: found.configuration.file)
        }
        let last = try trust.flatMap { trust in
            try ConfigurationSignature.last(under: trust, in: archive, rows)
                // Whoever takes away that row alone has gained nothing.
                ?? accepted?.signature.flatMap { $0.isMade(by: trust) ? $0 : nil }
        }
        self.init(accepted: accepted, last: last)
    }

    /// Whether the log says that a configuration was accepted once.
    private static func wasAccepted(_ archive: LogArchive) throws -> Bool {
        // Nothing is removed from a log before that was accepted.
        guard try archive.begin() == 0 else { return true }
        var isFound = false
        try archive.eachLeaf { leaf in
            let root = try? JSONDocument(parsing: leaf.bytes).root
            isFound = root?["kind"]?.isString("configuration") ?? false
            return !isFound
        }
        return isFound
    }
}

extension PolicySet {
    /// Reads back what the state keeps of an accepted configuration.
    init(acceptedText bytes: [UInt8], file: String) throws {
        let root = try JSONDocument(
            parsing: bytes,
            limits: JSONLimits(byteCount: Limits.stateValueByteCount)
        ).root
        let signed = try root["signed"].map { try SignedFiles($0) }
        let files =
            signed?.files
            ?? ConfigurationSignature.Files(
                configuration: root["configuration"]?.utf8 ?? [],
                lock: root["lock"]?.utf8
            )
        self = try ConfigurationFiles.set(of: files, at: file, hashing: OpenSSLHashing())
        self.signed = signed
    }
}
