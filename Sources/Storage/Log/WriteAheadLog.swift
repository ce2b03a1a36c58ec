/// The write-ahead log of the log's database: how much of it the database has as well, and what room
/// is left in it.
struct WriteAheadLog {
    private let database: Database
    private let path: String
    private let byteCount: Int
    private let room: LogSchema.Room
    /// Frames that the database has as well.
    private var copiedFrames = 0

    init(of database: Database, _ options: StoreOptions) {
        self.database = database
        path = options.walPath
        byteCount = options.reservedByteCount
        room = LogSchema.Room(byteCount: options.reservedByteCount)
    }

    /// Whether it takes another transaction on a full disk; what agents cause leaves a quarter free.
    func hasRoom(forAgents: Bool) -> Bool {
        database.walFrames < (forAgents ? room.refusals : room.all)
    }

    /// Whether enough came to be copied into the database; asked after each commit, or a log that
    /// SQLite began anew is taken for one that was copied.
    mutating func isDue() -> Bool {
        let frames = database.walFrames
        if frames < copiedFrames { copiedFrames = 0 }
        return frames - copiedFrames >= room.copied
    }

    /// Copies it into the database once enough came; a full disk shows here first, because the log
    /// itself has its room.
    mutating func copyIfDue() throws(DatabaseFailure) {
        guard isDue() else { return }
        try copy()
    }

    mutating func copy() throws(DatabaseFailure) {
        try database.checkpoint()
        copiedFrames = database.walFrames
    }

    /// Empties it and makes its room again.
    ///
    /// The old pages of what was deleted are zeroed (`secure_delete`), but the write-ahead log has
    /// them until then.
    mutating func empty(waits: Bool) throws(DatabaseFailure) {
        try database.checkpoint(truncate: true, waits: waits)
        copiedFrames = 0
        try? LogFile.fill(path, to: byteCount)
    }
}
