import Audit
import Base

/// The intents that have no outcome yet, by call.
///
/// Kept in memory: a table would cost two more row changes per call. Every 4,096 records the set is
/// written down, so that a start reads at most that many records again.
struct OpenIntents {
    static let snapshotRecordCount: UInt64 = 4096

    private(set) var leaves: [String: UInt64] = [:]

    /// What one record does to the set.
    enum Step {
        case opens(String, UInt64)
        case closes(String)

        init?(kind: RecordKind?, call: String?, leaf: UInt64) {
            guard let call else { return nil }
            switch kind {
            case .intent: self = .opens(call, leaf)
            case .outcome, .unknown: self = .closes(call)
            default: return nil
            }
        }
    }

    mutating func apply(_ step: Step) {
        switch step {
        case .opens(let call, let leaf): leaves[call] = leaf
        case .closes(let call): leaves[call] = nil
        }
    }

    /// Decimal numbers with spaces between: the log's size, then the leaf of each open intent.
    func snapshot(size: UInt64) -> [UInt8] {
        Array(([size] + leaves.values.sorted()).map { String($0) }.joined(separator: " ").utf8)
    }

    /// Reads the set back from the last snapshot and the records after it.
    init(from reader: LogReader) throws(DatabaseFailure) {
        let numbers = try reader.meta("open_intents").map { bytes in
            String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { UInt64($0) }
        }
        var noted = numbers ?? []
        let size = noted.isEmpty ? 0 : noted.removeFirst()
        for leaf in noted {
            for stored in try reader.leaves(from: leaf, limit: 1) { read(stored) }
        }
        var steps = self
        try reader.eachLeaf(from: max(size, try reader.begin())) { leaf in
            steps.read(leaf)
            return true
        }
        self = steps
    }

    private mutating func read(_ leaf: StoredLeaf) {
        guard let head = RecordHead(leaf: leaf.bytes) else { return }
        let kind = RecordKind(rawValue: head.kind)
        guard let step = Step(kind: kind, call: head.call, leaf: leaf.index) else { return }
        apply(step)
    }
}

/// Bytes of records that one batch adds, per tenant: nearly always of one, so that a list is looked
/// through faster than a table.
struct TenantBytes {
    struct Part {
        let tenant: TenantID
        var added = 0
        /// What it had spent before the batch, once that was asked for.
        var before: Int?
    }

    private(set) var parts: [Part] = []

    mutating func add(_ byteCount: Int, of tenant: TenantID) {
        parts[place(of: tenant)].added += byteCount
    }

    /// What the tenant has spent with the batch so far; `before` is asked once.
    mutating func spent(by tenant: TenantID, before: (TenantID) -> Int) -> Int {
        let place = place(of: tenant)
        let spent = parts[place].before ?? before(tenant)
        parts[place].before = spent
        return spent + parts[place].added
    }

    private mutating func place(of tenant: TenantID) -> Int {
        if let place = parts.firstIndex(where: { $0.tenant == tenant }) { return place }
        parts.append(Part(tenant: tenant))
        return parts.count - 1
    }
}

/// Bytes of records per tenant on one UTC day.
struct DailyBytes {
    private var day: Int64 = 0
    private var spent: [TenantID: Int] = [:]

    func spent(by tenant: TenantID, at time: Timestamp) -> Int {
        Self.day(time) == day ? spent[tenant] ?? 0 : 0
    }

    mutating func add(_ byteCount: Int, of tenant: TenantID, at time: Timestamp) {
        if Self.day(time) != day {
            day = Self.day(time)
            spent = [:]
        }
        spent[tenant, default: 0] += byteCount
    }

    private static func day(_ time: Timestamp) -> Int64 { time.milliseconds / 86_400_000 }

    /// The day, then each tenant with its bytes, with spaces between.
    var snapshot: [UInt8] {
        var words = [String(day)]
        for (tenant, count) in spent.sorted(by: { $0.key < $1.key }) {
            words += [tenant.rawValue, String(count)]
        }
        return Array(words.joined(separator: " ").utf8)
    }

    init(snapshot: [UInt8]?) {
        let words = String(decoding: snapshot ?? [], as: UTF8.self).split(separator: " ")
        guard let first = words.first.flatMap({ Int64($0) }) else { return }
        day = first
        var index = 1
        while index + 1 < words.count {
            if let tenant = try? TenantID(String(words[index])), let count = Int(words[index + 1]) {
                spent[tenant] = count
            }
            index += 2
        }
    }
}
