import Audit
import Base
import Crypto
import Glibc
import Storage

// How long a question to a large log takes. Makes the log with the gateway's own writer, indexes it,
// and asks; prints one JSON object per line.
//
//     search-bench FOLDER [RECORDS]      FOLDER is made, or used again when it holds a log of this
//                                        program; 1,000,000 records unless told
//
// A state folder made by `gatehouse init` can be filled as well: its own key is used.

let arguments = CommandLine.arguments
guard arguments.count > 1, let wanted = UInt64(arguments.count > 2 ? arguments[2] : "1000000")
else {
    fatalError("usage: search-bench FOLDER [RECORDS]")
}
let folder = arguments[1]
unsafe mkdir(folder, 0o700)

let random = SystemRandom()
var options = StoreOptions(
    folder: folder,
    environment: Traffic.environment,
    hashing: OpenSSLHashing(),
    signer: try Ed25519.SigningKey(
        seed: SecretBytes(
            LogFile.secret(folder + "/signing.key", byteCount: 32, random: random)
        )
    ),
    checker: Ed25519.Checker(),
    random: random,
    clock: WallClock()
)
options.hasSearchIndex = false
// Only the filling: what is measured are questions.
options.synchronous = .off

let store = try SQLiteStore.open(options)
var traffic = Traffic(wanted)
let began = now()
let first = store.size
while store.size < wanted {
    var transactions: [Transaction] = []
    for _ in 0..<64 { transactions.append(Transaction(records: traffic.call())) }
    let batch = transactions
    // As callers do: each its own transaction, gathered by the writer.
    for transaction in batch.dropLast() { try store.post(transaction) }
    if let last = batch.last { _ = try await store.commit(last) }
}
report("fill", ["records": store.size - first, "ms": (now() - began) / 1_000_000])
await store.close()

let archive = try LogArchive(folder: folder, OpenSSLHashing())
let indexing = now()
var state = try archive.indexMore()
let behind = state.size - min(state.size, state.indexed)
while state.indexed < state.size { state = try archive.indexMore() }
report(
    "index",
    [
        "records": behind, "ms": (now() - indexing) / 1_000_000,
        "log_bytes": byteCount("log.db"), "index_bytes": byteCount("search.db"),
    ]
)

var all: [UInt64] = []
for question in Question.all {
    var times: [UInt64] = []
    var found = 0
    for round in 0..<40 {
        let query = question.query(round)
        let start = now()
        found += try archive.search(query).leaves.count
        times.append(now() - start)
    }
    all += times
    report(question.name, spread(times).merging(["found": UInt64(found)]) { $1 })
}
report("all", spread(all))

func spread(_ times: [UInt64]) -> [String: UInt64] {
    let sorted = times.sorted()
    return [
        "p50_us": sorted[sorted.count / 2] / 1000,
        "p95_us": sorted[sorted.count * 95 / 100] / 1000,
        "max_us": (sorted.last ?? 0) / 1000,
    ]
}

func report(_ name: String, _ figures: [String: UInt64]) {
    let members = figures.sorted { $0.key < $1.key }.map { ",\"\($0.key)\":\($0.value)" }
    print("{\"step\":\"\(name)\"\(members.joined())}")
    fflush(nil)
}

func byteCount(_ name: String) -> UInt64 {
    var status = stat()
    return unsafe stat(folder + "/" + name, &status) == 0 ? UInt64(status.st_size) : 0
}
