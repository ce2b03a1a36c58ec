package import Audit
package import Base

/// What a store is made of; every part is named by whoever opens it.
package struct StoreOptions: Sendable {
    /// How hard the disk is asked; anything but `full` exists for the test of the fault tests.
    package enum Synchronous: String, Sendable { case full = "FULL", off = "OFF" }

    /// The state folder; it exists, is 0700 and locked by the caller.
    package var folder: String
    package var environment: EnvironmentName
    package var hashing: any Hashing
    package var signer: any Signing
    package var checker: any SignatureChecking
    package var random: any RandomSource
    package var clock: any Clock
    /// Files that get every checkpoint appended; best on another machine's disk.
    package var destinations: [String] = []
    /// A checkpoint is signed after this time with new records, or after this many.
    package var checkpointInterval: Duration = .seconds(10)
    package var checkpointRecordCount: UInt64 = 10_000
    /// Bytes of records a tenant may cause per UTC day; nil for no limit.
    package var dailyByteLimit: Int?
    /// Whether the search index is kept beside the log.
    package var hasSearchIndex = true
    /// State that changes with the record that closes an intent at a start, in one transaction.
    package var changesOnClosing: @Sendable (RecoveredIntent) -> [StateChange] = { _ in [] }
    package var synchronous = Synchronous.full
    /// Runs a closure when the caller of `commit` has handed over all it has, so that one wait for
    /// the disk serves all of it, and says whether the calling thread has nothing else to do; false
    /// when it cannot tell, then the writer is woken at once.
    package typealias Arranging =
        @Sendable (@escaping @Sendable (_ isAtRest: Bool) -> Void) -> Bool
    package var arrangeWake: Arranging = { _ in false }
    /// Seals the rows of the state; nil leaves them as they are.
    package var rows: (any RowSealing)?
    /// The file layer of the fault tests.
    package var layer: String?
    /// The room the write-ahead log is given beforehand: the reserve of a full disk.
    package var reservedByteCount = LogSchema.reservedByteCount

    package init(
        folder: String,
        environment: EnvironmentName,
        hashing: any Hashing,
        signer: any Signing,
        checker: any SignatureChecking,
        random: any RandomSource,
        clock: any Clock
    ) {
        self.folder = folder
        self.environment = environment
        self.hashing = hashing
        self.signer = signer
        self.checker = checker
        self.random = random
        self.clock = clock
    }

    var databasePath: String { folder + "/log.db" }
    var walPath: String { databasePath + "-wal" }
    var searchPath: String { folder + "/search.db" }
    /// The last checkpoint, outside the database.
    var checkpointPath: String { folder + "/checkpoint" }
}

/// Why a store did not open.
package enum StoreOpenError: Error, Equatable, Sendable, CustomStringConvertible {
    case database(DatabaseFailure)
    case file(path: String, reason: String)
    case otherFormat(String)
    case otherKey
    /// What is here does not fit a checkpoint that was kept.
    case evidenceBroken(String)
    /// Records are gone that no checkpoint in that place covers.
    case removedUncovered(begin: UInt64, covered: UInt64, place: String)
    case noThread

    package var description: String {
        switch self {
        case .database(let failure): "the log does not open: \(failure)"
        case .file(let path, let reason): "`\(path)`: \(reason)"
        case .otherFormat(let found):
            "the log has format `\(printable(found))`, this program writes 1"
        case .otherKey:
            "the log was signed with another key than `signing.key` of the state folder"
        case .evidenceBroken(let reason):
            "the log does not continue what was signed: \(reason)"
        case .removedUncovered(let begin, let covered, let place):
            "the log does not continue what was signed: it begins with record \(begin), and the last "
                + "checkpoint \(place) covers \(covered); nothing goes before a later one is there"
        case .noThread: "the machine gives no thread"
        }
    }

    /// What whoever starts the gateway can do.
    package var hint: String? {
        switch self {
        case .database, .file: "the state folder must be writable, with room on its disk"
        case .otherFormat: "use the program that wrote it"
        case .otherKey: "put the key back that signed this log; it lies in the backup of the folder"
        case .evidenceBroken:
            "keep the folder as it is and look with `gatehouse audit verify`; if an older copy was "
                + "put back, put back the newest one: what was recorded since is missing here"
        case .removedUncovered:
            "keep both as they are and look with `gatehouse audit verify --against FILE`; if that "
                + "file was not among `audit.checkpoints` for a while, move it away and keep it: "
                + "the gateway begins a new one"
        case .noThread: "raise the limit on processes"
        }
    }

    /// Whether what is here is not the log that was signed; nothing may be written to it then.
    package var isBrokenEvidence: Bool {
        switch self {
        case .otherKey, .evidenceBroken, .removedUncovered: true
        case .database(let failure): failure.meaning == .corrupt
        case .file, .otherFormat, .noThread: false
        }
    }
}

/// An intent of an earlier process that had no outcome and was closed as unknown.
package struct RecoveredIntent: Sendable {
    /// The leaf of the intent.
    package let leaf: UInt64
    package let head: RecordHead
    /// With it the call form can be compared: `salt.commitment(to: callForm)` is the intent's.
    package let salt: Salt?

    package init(leaf: UInt64, head: RecordHead, salt: Salt?) {
        self.leaf = leaf
        self.head = head
        self.salt = salt
    }
}
