import Audit
import Base
import Crypto
import Glibc
import Storage

// What a durable record costs. Prints one JSON object per line: CPU microseconds of the whole
// process per record, by how many records one commit carries.
//
//     log-bench [FOLDER]      the folder's disk is measured; default /tmp

struct WallClock: Clock {
    var instant: Instant { Instant(nanoseconds: nanoseconds(CLOCK_MONOTONIC)) }
    var timestamp: Timestamp {
        Timestamp(milliseconds: Int64(nanoseconds(CLOCK_REALTIME) / 1_000_000))
    }
}

func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

let random = SystemRandom()
let hashing = OpenSSLHashing()
let arguments =
    #"{"body":"\#(String(repeating: "lorem ipsum ", count: 12))","path":"/data/out/a.txt"}"#

func made(_ kind: RecordKind, _ call: Int, _ salt: Salt, _ detail: RecordDetail) -> AuditRecord {
    AuditRecord(
        kind,
        at: WallClock().timestamp,
        tenant: .main,
        environment: EnvironmentName(unchecked: "staging"),
        call: "c\(call)",
        principal: PrincipalName(unchecked: "agent-7"),
        run: "r-20260801-1",
        server: ServerName(unchecked: "files"),
        tool: try? ToolName("write_file"),
        detail: detail,
        salt: salt
    )
}

func intent(_ call: Int) -> AuditRecord {
    let salt = Salt(from: random)
    return made(
        .intent,
        call,
        salt,
        .judgement(
            JudgementDetail(
                verdict: "allow",
                tier: "T1",
                rule: "issues go to sandboxes",
                policy: Digest(words: (1, 2, 3, 4)),
                pin: Digest(words: (5, 6, 7, 8)),
                arguments: arguments,
                argumentsByteCount: arguments.utf8.count,
                commitment: salt.commitment(to: Array(arguments.utf8), hashing)
            )
        )
    )
}

func outcome(_ call: Int) -> AuditRecord {
    made(
        .outcome,
        call,
        Salt(from: random),
        .outcome(
            OutcomeDetail(
                status: .ok,
                duration: .microseconds(831),
                receivedByteCount: 2048,
                givenByteCount: 2048,
                receivedCommitment: Digest(words: (1, 2, 3, 4)),
                givenCommitment: Digest(words: (1, 2, 3, 4)),
                result: String(repeating: "result text ", count: 8)
            )
        )
    )
}

func openStore(_ root: String) throws -> (SQLiteStore, String) {
    let folder = root + "/log-bench-\(getpid())-\(nanoseconds(CLOCK_MONOTONIC))"
    unsafe mkdir(folder, 0o700)
    var options = StoreOptions(
        folder: folder,
        environment: EnvironmentName(unchecked: "staging"),
        hashing: hashing,
        signer: try Ed25519.SigningKey(from: random),
        checker: Ed25519.Checker(),
        random: random,
        clock: WallClock()
    )
    options.hasSearchIndex = false
    return (try SQLiteStore.open(options), folder)
}

func remove(_ folder: String) {
    for name in ["log.db", "log.db-wal", "log.db-shm", "checkpoint"] {
        unsafe unlink(folder + "/" + name)
    }
    unsafe rmdir(folder)
}

let root = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "/tmp"

// Making a record: the part that runs on the caller's thread and the part of the writer.
do {
    let start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    var bytes = 0
    for call in 0..<200_000 { bytes &+= intent(call).time.milliseconds == 0 ? 1 : 0 }
    let made = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    let record = intent(1)
    for _ in 0..<200_000 { bytes &+= record.encoded().count }
    let encoded = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    var edge = TreeEdge(hashing)
    var tiles: [Tile] = []
    let leaf = record.encoded()
    for _ in 0..<200_000 { edge.append(leaf, tiles: &tiles) }
    let hashed = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    print(
        "{\"step\":\"one record\",\"bytes\":\(leaf.count),\"make_ns\":\((made - start) / 200_000),"
            + "\"encode_ns\":\((encoded - made) / 200_000),\"tree_ns\":\((hashed - encoded) / 200_000)}"
    )
    precondition(bytes > 0)
}

for depth in [1, 2, 8, 16, 32, 64, 128] {
    let (store, folder) = try openStore(root)
    let commits = max(300, 40_000 / depth)
    var latencies: [UInt64] = []
    let transactions = (0..<64).map { round in
        Transaction(
            records: (0..<depth).map { place in
                place % 2 == 0 ? intent(round * depth + place) : outcome(round * depth + place - 1)
            }
        )
    }
    let wall = nanoseconds(CLOCK_MONOTONIC)
    let cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    for round in 0..<commits {
        let began = nanoseconds(CLOCK_MONOTONIC)
        _ = try await store.commit(transactions[round % 64])
        latencies.append(nanoseconds(CLOCK_MONOTONIC) - began)
    }
    let spent = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu
    let seconds = Double(nanoseconds(CLOCK_MONOTONIC) - wall) / 1e9
    latencies.sort()
    let records = commits * depth
    print(
        "{\"step\":\"commit\",\"depth\":\(depth),\"cpu_us_per_record\":\(Double(spent / UInt64(records) / 10) / 100),"
            + "\"records_per_s\":\(Int(Double(records) / seconds)),"
            + "\"p50_us\":\(latencies[latencies.count / 2] / 1000),"
            + "\"p99_us\":\(latencies[latencies.count * 99 / 100] / 1000)}"
    )
    await store.close()
    remove(folder)
}
