private import CSQLite

/// What SQLite or a file of the log answered; `code` is SQLite's extended result code.
package struct DatabaseFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Meaning: Sendable, Equatable { case full, busy, failedSync, corrupt, other }

    package let step: String
    package let code: Int32
    package let message: String
    package let meaning: Meaning

    package var description: String { "\(step): \(message) (sqlite \(code))" }
}

/// A connection to one database file, for one thread at a time.
///
/// Not `Sendable`: whoever hands it to another thread sees to it.
@safe final class Database {
    /// The opaque pointer of the shim; closed in `deinit`, after the statements, which hold this.
    fileprivate let connection: OpaquePointer
    let path: String

    /// Opens or creates the file; `layer` names a file layer of the fault tests.
    ///
    /// `joinsWrites`: each commit is one write to the write-ahead log; for its only writer.
    init(
        path: String,
        isReadOnly: Bool = false,
        joinsWrites: Bool = false,
        layer: String? = nil
    ) throws(DatabaseFailure) {
        self.path = path
        var opened: OpaquePointer?
        let mode = isReadOnly ? CSQLITE_READ_ONLY : CSQLITE_CREATE
        let flags = CInt(mode | (joinsWrites ? CSQLITE_JOIN_WRITES : 0))
        let status: CInt
        if let layer {
            status = unsafe csqlite_open(path, flags, layer, &opened)
        } else {
            status = unsafe csqlite_open(path, flags, nil, &opened)
        }
        guard status == 0, let opened = unsafe opened else {
            throw DatabaseFailure(
                step: "open `\(path)`",
                status: status,
                message: "it cannot be opened"
            )
        }
        unsafe connection = opened
    }

    deinit { unsafe csqlite_close(connection) }

    func execute(_ sql: String) throws(DatabaseFailure) {
        try check(unsafe csqlite_execute(connection, sql), "execute")
    }

    func prepare(_ sql: String) throws(DatabaseFailure) -> Statement {
        try Statement(sql, on: self)
    }

    /// Frames in the write-ahead log after the last commit of this connection.
    var walFrames: Int { Int(unsafe csqlite_wal_frames(connection)) }

    func keepWriteAheadLog() throws(DatabaseFailure) {
        try check(unsafe csqlite_keep_wal(connection), "keep the write-ahead log")
    }

    /// Copies the write-ahead log into the database as far as readers let it.
    ///
    /// To truncate it no reader may be in it: it waits for them, or fails at once as busy.
    func checkpoint(truncate: Bool = false, waits: Bool = true) throws(DatabaseFailure) {
        let status = unsafe csqlite_checkpoint(connection, truncate ? 1 : 0, waits ? 1 : 0)
        try check(status, "checkpoint")
    }

    /// `step` is asked for where it failed only.
    @inline(__always)
    fileprivate func check(
        _ status: CInt,
        _ step: @autoclosure () -> String
    ) throws(DatabaseFailure) {
        if status < 0 { throw failure(status, step()) }
    }

    private func failure(_ status: CInt, _ step: String) -> DatabaseFailure {
        let message = unsafe String(cString: csqlite_message(connection))
        return DatabaseFailure(step: step, status: status, message: message)
    }
}

extension DatabaseFailure {
    fileprivate init(step: String, status: CInt, message: String) {
        self.step = step
        code = -status
        self.message = message
        if csqlite_is_full(status) == 1 {
            meaning = .full
        } else if csqlite_is_busy(status) == 1 {
            meaning = .busy
        } else if csqlite_is_failed_sync(status) == 1 {
            meaning = .failedSync
        } else {
            meaning = csqlite_is_corrupt(status) == 1 ? .corrupt : .other
        }
    }
}

/// A parameter of a statement.
enum Parameter {
    case integer(Int64)
    case text(String)
    /// Text that is at hand as UTF-8.
    case utf8([UInt8])
    case bytes([UInt8])
    case null
}

/// A prepared statement; used again and again by who has its connection.
@safe final class Statement {
    private let database: Database
    private let statement: OpaquePointer
    private let sql: String

    fileprivate init(_ sql: String, on database: Database) throws(DatabaseFailure) {
        self.database = database
        self.sql = sql
        var prepared: OpaquePointer?
        let status = unsafe csqlite_prepare(database.connection, sql, &prepared)
        try database.check(status, "prepare `\(sql)`")
        guard let prepared = unsafe prepared else {
            throw DatabaseFailure(step: "prepare", status: -1, message: "no statement in `\(sql)`")
        }
        unsafe statement = prepared
    }

    deinit { unsafe csqlite_finalize(statement) }

    /// Runs to the end; rows are passed over.
    func run(_ parameters: Parameter...) throws(DatabaseFailure) {
        try bind(parameters)
        defer { unsafe csqlite_reset(statement) }
        while try step() {}
    }

    /// Runs to the end with bytes as the last parameter, which are not copied for it.
    func run(_ parameters: Parameter..., inPlace bytes: Span<UInt8>) throws(DatabaseFailure) {
        try bind(parameters)
        try unsafe bytes.withUnsafeBufferPointer { buffer throws(DatabaseFailure) in
            // The statement lets go of the buffer before it ends.
            defer { unsafe csqlite_reset(statement) }
            let status = unsafe csqlite_bind_bytes_in_place(
                statement,
                CInt(parameters.count + 1),
                buffer.baseAddress,
                buffer.count
            )
            try database.check(status, "bind")
            while try step() {}
        }
    }

    /// The first row, read by `body`; nil when there is none.
    func first<Value>(
        _ parameters: Parameter...,
        read body: (Row) -> Value
    ) throws(DatabaseFailure) -> Value? {
        try bind(parameters)
        defer { unsafe csqlite_reset(statement) }
        return try step() ? body(unsafe Row(statement: statement)) : nil
    }

    /// Every row while `body` says so; `body` reads what it needs before it returns.
    func each(
        _ parameters: [Parameter],
        _ body: (Row) -> Bool
    ) throws(DatabaseFailure) {
        try bind(parameters)
        defer { unsafe csqlite_reset(statement) }
        while try step() {
            guard body(unsafe Row(statement: statement)) else { return }
        }
    }

    private func step() throws(DatabaseFailure) -> Bool {
        let status = unsafe csqlite_step(statement)
        try database.check(status, "step `\(sql)`")
        return status == 1
    }

    private func bind(_ parameters: [Parameter]) throws(DatabaseFailure) {
        for (offset, parameter) in parameters.enumerated() {
            let index = CInt(offset + 1)
            let status: CInt
            switch parameter {
            case .integer(let value):
                status = unsafe csqlite_bind_integer(statement, index, value)
            case .text(let text):
                var text = text
                status = text.withUTF8 { utf8 in
                    unsafe csqlite_bind_text(statement, index, utf8.baseAddress, utf8.count)
                }
            case .utf8(let text):
                status = unsafe csqlite_bind_text(statement, index, text, text.count)
            case .bytes(let bytes):
                status = unsafe csqlite_bind_bytes(statement, index, bytes, bytes.count)
            case .null: status = unsafe csqlite_bind_null(statement, index)
            }
            try database.check(status, "bind")
        }
    }
}

/// The current row of a statement; do not keep it.
@safe struct Row {
    fileprivate let statement: OpaquePointer

    func integer(_ column: Int) -> Int64 {
        unsafe csqlite_column_integer(statement, CInt(column))
    }

    /// An index or count: stored as a signed number, never negative.
    func unsigned(_ column: Int) -> UInt64 { UInt64(clamping: integer(column)) }

    func isNull(_ column: Int) -> Bool {
        unsafe csqlite_column_is_null(statement, CInt(column)) == 1
    }

    func bytes(_ column: Int) -> [UInt8] {
        var count = 0
        guard let start = unsafe csqlite_column_bytes(statement, CInt(column), &count) else {
            return []
        }
        return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }

    func text(_ column: Int) -> String { String(decoding: bytes(column), as: UTF8.self) }
}
