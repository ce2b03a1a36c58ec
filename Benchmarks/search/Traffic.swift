import Audit
import Base
import Crypto
import Glibc

/// Calls as a busy month has them: many alike, some rare, no two the same.
struct Traffic {
    static let environment = EnvironmentName(unchecked: "staging")
    static let start: Int64 = 1_785_585_600_000
    /// The time all of it covers: 30 days.
    static let milliseconds: Int64 = 30 * 86_400_000
    static let tenants = ["main", "main", "main", "main", "acme", "globex"]
    static let servers = [
        "files", "mail", "tickets", "crm", "warehouse", "git", "calendar", "search", "payments",
        "deploy",
    ]
    static let verbs = ["read", "list", "write", "find", "send", "create", "update", "delete"]
    static let nouns = ["file", "page", "order", "issue", "user", "event", "report", "branch"]
    static let syllables = [
        "ka", "lo", "mi", "ter", "san", "vel", "dor", "pe", "ru", "nim", "bra", "to", "fen", "gis",
    ]

    private var random = Mixer(state: 7)
    private let salts = SystemRandom()
    private var count: UInt64 = 0
    /// Records in all, to spread the times over.
    private let wanted: UInt64

    init(_ wanted: UInt64) { self.wanted = wanted }

    static func word(_ number: UInt64) -> String {
        var (rest, word) = (number &* 2_654_435_761 % 38_416 + 38_416, "")
        while rest > 0 {
            word += syllables[Int(rest % 14)]
            rest /= 14
        }
        return word
    }

    /// Few words often, most seldom.
    private mutating func words(_ count: Int) -> String {
        (0..<count).map { _ in
            let depth = random.next() % 15
            return Self.word(random.next() % (1 << (depth + 1)))
        }.joined(separator: " ")
    }

    private mutating func pick(_ names: [String]) -> String {
        // The first ones get most of it.
        names[Int(min(random.next() % UInt64(names.count), random.next() % UInt64(names.count)))]
    }

    /// The records of the next call.
    mutating func call() -> [AuditRecord] {
        count += 2
        let time = Self.start + Int64(Double(count) / Double(wanted) * Double(Self.milliseconds))
        let common = Common(
            time: Timestamp(milliseconds: time),
            tenant: TenantID(unchecked: pick(Self.tenants)),
            call: Hex.encode(salts.bytes(count: 12)),
            principal: PrincipalName(unchecked: "agent-\(random.next() % 40)"),
            server: ServerName(unchecked: pick(Self.servers)),
            tool: try? ToolName(pick(Self.verbs) + "_" + pick(Self.nouns))
        )
        let order = random.next() % 900_000 + 100_000
        let arguments =
            #"{"body":"\#(words(24))","id":"ORD-\#(order)","path":"/srv/\#(words(1))/\#(words(1)).txt","to":"\#(words(1))@example.com"}"#
        let asking = record(.proposed, common, arguments, verdict: "ask")
        switch random.next() % 200 {
        case 0..<6: return [record(.judged, common, arguments, verdict: "refuse")]
        case 6: return [asking, decision(.denied, common)]
        case 7..<12:
            return [asking, decision(.approved, common), record(.intent, common, arguments)]
                + [outcome(common)]
        case 12: return [decision(.login, common)]
        default: return [record(.intent, common, arguments), outcome(common)]
        }
    }

    private struct Common {
        let time: Timestamp
        let tenant: TenantID
        let call: String
        let principal: PrincipalName
        let server: ServerName
        let tool: ToolName?
    }

    private func made(
        _ kind: RecordKind,
        _ common: Common,
        _ detail: RecordDetail,
        _ salt: Salt? = nil
    ) -> AuditRecord {
        AuditRecord(
            kind,
            at: common.time,
            tenant: common.tenant,
            environment: Self.environment,
            call: common.call,
            principal: common.principal,
            run: "r-20260801-1",
            server: common.server,
            tool: common.tool,
            detail: detail,
            salt: salt
        )
    }

    private func record(
        _ kind: RecordKind,
        _ common: Common,
        _ arguments: String,
        verdict: String = "allow"
    ) -> AuditRecord {
        let salt = Salt(from: salts)
        let detail = JudgementDetail(
            verdict: verdict,
            tier: "T1",
            rule: "what goes to sandboxes",
            policy: Digest(words: (1, 2, 3, 4)),
            pin: Digest(words: (5, 6, 7, 8)),
            arguments: arguments,
            argumentsByteCount: arguments.utf8.count,
            commitment: Digest(bytes: salt.bytes)
        )
        return made(kind, common, .judgement(detail), salt)
    }

    private func decision(_ kind: RecordKind, _ common: Common) -> AuditRecord {
        made(kind, common, .fields([RecordField("by", "ana"), RecordField("change", "voted")]))
    }

    private mutating func outcome(_ common: Common) -> AuditRecord {
        let salt = Salt(from: salts)
        let detail = OutcomeDetail(
            status: random.next() % 30 == 0 ? .toolError : .ok,
            duration: .microseconds(Int64(random.next() % 100_000)),
            receivedByteCount: 2048,
            givenByteCount: 2048,
            receivedCommitment: Digest(bytes: salt.bytes),
            givenCommitment: Digest(bytes: salt.bytes),
            result: words(40)
        )
        return made(.outcome, common, .outcome(detail), salt)
    }
}

/// SplitMix64: the same traffic each time.
struct Mixer {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

struct WallClock: Clock {
    var instant: Instant { Instant(nanoseconds: now()) }
    var timestamp: Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
