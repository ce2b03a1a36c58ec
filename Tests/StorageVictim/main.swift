import Audit
import Base
import Crypto
import Glibc
import Storage

// Writes to a log as fast as it can until it is killed, and says on standard output what it was
// told is durable: one line `LEAF DIGEST` for each record, written in one piece.

struct WallClock: Clock {
    var instant: Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    var timestamp: Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

func call(_ id: String, _ kind: RecordKind, _ random: SystemRandom) -> AuditRecord {
    let detail: RecordDetail =
        kind == .intent
        ? .judgement(JudgementDetail(verdict: "allow", tier: "T0", arguments: #"{"n":1}"#))
        : .outcome(OutcomeDetail(status: .ok, duration: .zero))
    return AuditRecord(
        kind,
        at: WallClock().timestamp,
        tenant: .main,
        environment: EnvironmentName(unchecked: "staging"),
        call: id,
        detail: detail,
        salt: Salt(from: random)
    )
}

func say(_ leaf: UInt64, _ record: AuditRecord) {
    let digest = OpenSSLHashing().sha256(record.encoded())
    let line = Array("\(leaf) \(digest)\n".utf8)
    _ = unsafe write(STDOUT_FILENO, line, line.count)
}

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("usage: storage-victim FOLDER NAME") }
let random = SystemRandom()
var options = StoreOptions(
    folder: arguments[1],
    environment: EnvironmentName(unchecked: "staging"),
    hashing: OpenSSLHashing(),
    signer: try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 7, count: 32))),
    checker: Ed25519.Checker(),
    random: random,
    clock: WallClock()
)
options.checkpointRecordCount = 500
options.reservedByteCount = 1 << 20
let store = try SQLiteStore.open(options)

await withTaskGroup { group in
    for caller in 0..<16 {
        group.addTask {
            var round = 0
            while true {
                round += 1
                let id = "\(arguments[2])-\(caller)-\(round)"
                let intent = call(id, .intent, random)
                guard let receipt = try? await store.commit(Transaction(intent)) else { return }
                say(receipt.leaves.lowerBound, intent)
                let outcome = call(id, .outcome, random)
                if round % 3 == 0 {
                    guard let done = try? await store.commit(Transaction(outcome)) else { return }
                    say(done.leaves.lowerBound, outcome)
                } else {
                    try? store.post(outcome)
                }
            }
        }
    }
}
