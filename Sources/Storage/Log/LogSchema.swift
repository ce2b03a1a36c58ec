import Audit
import Base

/// The tables, and the form of what lies in them; `docs/audit-format.md` says it for strangers.
enum LogSchema {
    static let format = "1"

    /// 32 bytes of header and 2,048 frames of 4,096 + 24 bytes.
    static let reservedByteCount = 32 + 2048 * 4120

    /// How the room of the write-ahead log is shared out, in frames.
    struct Room {
        /// After this many frames the log is copied into the database: 4 MiB of 8.
        let copied: Int
        /// Agent-driven refusals may use this many while the disk is full.
        let refusals: Int
        /// Anything may use this many while the disk is full.
        let all: Int

        init(byteCount: Int) {
            let frames = byteCount / 4120
            copied = max(1, frames / 2)
            refusals = frames * 3 / 4
            // The last transaction begins below this and has to fit.
            all = frames - frames / 32
        }
    }

    /// One row of `segment` holds at most this much, and this many records.
    static let segmentByteCount = 1 << 20
    static let segmentRecordCount = 4096

    static func settings(_ synchronous: StoreOptions.Synchronous) -> String {
        """
        PRAGMA page_size=4096;
        PRAGMA journal_mode=WAL;
        PRAGMA synchronous=\(synchronous.rawValue);
        PRAGMA secure_delete=ON;
        PRAGMA trusted_schema=OFF;
        """
    }

    // Nothing but the integer key on what every call writes: three more indexes cost more than the
    // append itself.
    static let tables = """
        CREATE TABLE IF NOT EXISTS meta(
            name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS segment(
            first INTEGER PRIMARY KEY, count INTEGER NOT NULL, records BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS salt(
            first INTEGER PRIMARY KEY, salts BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS tile(
            place INTEGER PRIMARY KEY, hashes BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS checkpoint(
            size INTEGER PRIMARY KEY, note TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS state(
            id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL,
            name TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL);
        CREATE UNIQUE INDEX IF NOT EXISTS state_place ON state(tenant, kind, name);
        """

    /// The row of `meta` that holds the tombstone.
    static let tombstone = "tombstone"

    /// The first tile of leaf hashes a log keeps that begins with that record.
    ///
    /// They go by 256, whose roots are a full tile of the next level; that one stays.
    static func firstTile(ofLog begin: UInt64) -> UInt64 { (begin >> 16) << 8 }

    /// Levels 0 to 7 in the top byte, the index below.
    static func place(level: Int, index: UInt64) -> Int64 {
        Int64(level) << 56 | Int64(clamping: index)
    }
}

/// The records of one commit in one row: each preceded by its length in four bytes, little-endian.
struct Segment: ~Copyable {
    let first: UInt64
    private(set) var count = 0
    private var records: ByteSink
    /// Place within the segment (four bytes, little-endian) and 32 bytes of salt, repeated.
    private var salts: ByteSink

    /// `byteCount` is a guess at how much comes.
    init(first: UInt64, byteCount: Int = 0) {
        self.first = first
        records = ByteSink(capacity: byteCount)
        salts = ByteSink(capacity: byteCount / 16)
    }

    var isFull: Bool {
        records.count >= LogSchema.segmentByteCount || count >= LogSchema.segmentRecordCount
    }

    /// What the column `records` holds.
    var recordBytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { records.span }
    }

    /// What the column `salts` holds; nothing where no record has one.
    var saltBytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { salts.span }
    }

    mutating func append(_ record: Span<UInt8>, salt: Salt?) {
        if let salt {
            salts.append(littleEndian: UInt32(count))
            let words = salt.words
            salts.append(littleEndian: words.0.byteSwapped)
            salts.append(littleEndian: words.1.byteSwapped)
            salts.append(littleEndian: words.2.byteSwapped)
            salts.append(littleEndian: words.3.byteSwapped)
        }
        records.append(littleEndian: UInt32(clamping: record.count))
        records.append(contentsOf: record)
        count += 1
    }

    private static func number(_ bytes: [UInt8], at offset: Int) -> Int? {
        guard offset >= 0, offset + 4 <= bytes.count else { return nil }
        return Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
            | Int(bytes[offset + 2]) << 16 | Int(bytes[offset + 3]) << 24
    }

    /// The records of a stored segment; nil when the row is damaged.
    static func records(in bytes: [UInt8], count: Int) -> [ArraySlice<UInt8>]? {
        var records: [ArraySlice<UInt8>] = []
        var offset = 0
        while offset < bytes.count {
            guard let length = number(bytes, at: offset), length <= bytes.count - offset - 4
            else { return nil }
            records.append(bytes[offset + 4..<offset + 4 + length])
            offset += 4 + length
        }
        return records.count == count ? records : nil
    }

    /// The salt at that place of a stored row of salts.
    static func salt(in bytes: [UInt8], at place: Int) -> Salt? {
        guard let offset = offset(in: bytes, of: place) else { return nil }
        return Salt(bytes: Array(bytes[offset + 4..<offset + 36]))
    }

    /// The same row without the salt at that place.
    static func removingSalt(in bytes: [UInt8], at place: Int) -> [UInt8] {
        guard let offset = offset(in: bytes, of: place) else { return bytes }
        return Array(bytes[..<offset] + bytes[(offset + 36)...])
    }

    private static func offset(in bytes: [UInt8], of place: Int) -> Int? {
        stride(from: 0, to: bytes.count - 35, by: 36).first { number(bytes, at: $0) == place }
    }
}
