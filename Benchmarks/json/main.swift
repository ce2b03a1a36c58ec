import CSimdjson
import Glibc
import JSON

// Speed of our parser beside simdjson's DOM parser on the same texts in the same run, taking turns.
// Prints one JSON object; see Benchmarks/README.md.

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

guard let simdjson = unsafe csimdjson_new() else { fatalError("no memory") }
let limits = JSONLimits(byteCount: 16 << 20)
var results: [JSONValue] = []
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
        ]
    )
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
    ])
}
unsafe csimdjson_free(simdjson)
let report: JSONValue = [
    "benchmark": "json",
    "simdjson": JSONValue(unsafe String(cString: csimdjson_implementation())),
    "rounds": 41,
    "results": .array(results),
]
print(String(decoding: report.serialised(), as: UTF8.self))
