import CSimdjson
import Glibc
import JSON

// Speed of our parser beside simdjson's DOM parser on the same texts in the same run, taking turns.
// Prints one JSON object; ends with 1 when a ratio is below the threshold.

/// The least speed, as a part of simdjson's, that a change may leave.
let threshold = 0.4

/// CPU time of this thread in nanoseconds.
func now() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Nanoseconds of one call of each body: the median of `rounds`, in which the bodies take turns.
func measure(rounds: Int = 41, calls: Int, _ bodies: [() -> Void]) -> [Double] {
    var samples = [[Double]](repeating: [], count: bodies.count)
    for _ in 0..<rounds {
        for (index, body) in bodies.enumerated() {
            let start = now()
            for _ in 0..<calls { body() }
            samples[index].append(Double(now() - start) / Double(calls))
        }
    }
    return samples.map { $0.sorted()[rounds / 2] }
}

func rounded(_ value: Double, _ places: Double = 1_000) -> JSONValue {
    JSONNumber((value * places).rounded() / places).map { .number($0) } ?? .null
}

/// One object of so many keys: read, every key looked up, and written as a call form.
func largeObject(_ count: Int) throws -> JSONValue {
    let members = (0..<count).map { "\"key-\($0 &* 7919 % count)\":\($0)" }
    let bytes = Array("{\(members.joined(separator: ","))}".utf8)
    let limits = JSONLimits(byteCount: 64 << 20, nodeCount: 1 << 23)
    let start = now()
    let document = try JSONDocument(parsing: bytes, limits: limits)
    let parsed = now()
    for key in 0..<count {
        guard document.root.member("key-\(key)") != nil else { fatalError("a key is missing") }
    }
    let found = now()
    _ = try CallForm(document.root, limits: limits)
    return [
        "keys": JSONValue(count),
        "parse_ms": rounded(Double(parsed - start) / 1_000_000),
        "look_up_all_ms": rounded(Double(found - parsed) / 1_000_000),
        "call_form_ms": rounded(Double(now() - found) / 1_000_000),
    ]
}

guard let simdjson = unsafe csimdjson_new() else { fatalError("no memory") }
let limits = JSONLimits(byteCount: 16 << 20)
var results: [JSONValue] = []
var leastRatio = Double.infinity
for (name, bytes) in Samples.all {
    let padded = bytes + [UInt8](repeating: 0, count: csimdjson_padding())
    let document = try JSONDocument(parsing: bytes, limits: limits)
    let times = measure(
        calls: max(4, 4_000_000 / bytes.count),
        [
            { _ = try? JSONDocument(parsing: bytes, limits: limits) },
            {
                guard unsafe csimdjson_parse_padded(simdjson, padded, bytes.count) == 0 else {
                    fatalError("simdjson refuses the text")
                }
            },
            {
                guard unsafe csimdjson_parse_copied(simdjson, bytes, bytes.count) == 0 else {
                    fatalError("simdjson refuses the text")
                }
            },
            { _ = try? CallForm(document.root, limits: limits) },
            { _ = document.root.value.serialised() },
        ]
    )
    leastRatio = min(leastRatio, times[1] / times[0])
    func speed(_ time: Double) -> JSONValue { rounded(Double(bytes.count) / time * 1_000, 1) }
    results.append([
        "text": JSONValue(name),
        "bytes": JSONValue(bytes.count),
        "gatehouse_us": rounded(times[0] / 1_000),
        "gatehouse_mb_s": speed(times[0]),
        "simdjson_us": rounded(times[1] / 1_000),
        "simdjson_mb_s": speed(times[1]),
        "simdjson_with_copy_mb_s": speed(times[2]),
        "ratio": rounded(times[1] / times[0]),
        "ratio_with_copy": rounded(times[2] / times[0]),
        "call_form_us": rounded(times[3] / 1_000),
        "call_form_mb_s": speed(times[3]),
        "copy_out_and_write_mb_s": speed(times[4]),
    ])
}
unsafe csimdjson_free(simdjson)
let keys = try [100_000, 1_000_000].map(largeObject)
let report: JSONValue = [
    "benchmark": "json",
    "threshold": rounded(threshold),
    "simdjson": JSONValue(unsafe String(cString: csimdjson_implementation())),
    "rounds": 41,
    "results": .array(results),
    "objects": .array(keys),
]
print(String(decoding: report.serialised(), as: UTF8.self))
if leastRatio < threshold { exit(1) }
