import Audit
import Base
import Crypto
import JSON
import Storage
import System

/// What a start runs under: the configuration found, unless it is looser than the accepted one.
struct StartingConfiguration {
    let set: PolicySet
    /// The one found, where it waits for an approver.
    let pending: PendingConfiguration?
    /// Why it is written down as the accepted one; nil when nothing changed.
    let keptBecause: String?

    static let key = StateKey(.main, .settings, "accepted")

    /// Compares what was found with what the state keeps; before anything of it is used.
    ///
    /// The very first start accepts what it finds. A state that has lost what was accepted, though
    /// the log says that something was, is no first start: nothing is accepted then.
    init(
        _ found: PolicySet,
        state: StateFolder,
        rows: StateRows
    ) throws {
        let hashing = OpenSSLHashing()
        guard Files.exists(state.path + "/log.db"),
            let archive = try? LogArchive(folder: state.path, hashing)
        else {
            self.init(set: found, pending: nil, keptBecause: "first start")
            return
        }
        guard let entry = try archive.entry(Self.key, openedBy: rows) else {
            guard try Self.wasAccepted(archive) else {
                self.init(set: found, pending: nil, keptBecause: "first start")
                return
            }
            let none = try PolicySet.nothing(like: found)
            let lines = ["what was accepted is missing from the state"] + found.loosens(none)
            self.init(
                set: none,
                pending: PendingConfiguration(set: found, loosens: lines),
                keptBecause: nil
            )
            return
        }
        let accepted = try PolicySet(acceptedText: entry.value, file: found.configuration.file)
        let loosens = found.loosens(accepted)
        guard loosens.isEmpty else {
            self.init(
                set: accepted,
                pending: PendingConfiguration(set: found, loosens: loosens),
                keptBecause: nil
            )
            return
        }
        self.init(
            set: found,
            pending: nil,
            keptBecause: found.acceptedText == accepted.acceptedText ? nil : "start"
        )
    }

    private init(set: PolicySet, pending: PendingConfiguration?, keptBecause: String?) {
        self.set = set
        self.pending = pending
        self.keptBecause = keptBecause
    }

    /// Whether the log says that a configuration was accepted once.
    private static func wasAccepted(_ archive: LogArchive) throws -> Bool {
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
        try self.init(
            Configuration(SourceText(file: file, bytes: root["configuration"]?.utf8 ?? [])),
            lock: LockFile(SourceText(file: "gatehouse.lock", bytes: root["lock"]?.utf8 ?? [])),
            hashing: OpenSSLHashing()
        )
    }

    /// A configuration that lets nothing through and listens nowhere, for the same file.
    static func nothing(like found: PolicySet) throws -> PolicySet {
        let text =
            "{\"gatehouse\":1,\"environment\":\"\(found.configuration.environment)\","
            + "\"listen\":{\"mcp\":\"none\"}}"
        return try PolicySet(
            Configuration(
                SourceText(file: found.configuration.file, bytes: Array(text.utf8))
            ),
            lock: .empty,
            hashing: OpenSSLHashing()
        )
    }
}
