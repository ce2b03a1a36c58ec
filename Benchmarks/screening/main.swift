import JSON
import Patterns
import Screening
import System

// What screening a result costs, on text never seen before and on repeated text:
// `GATEHOUSE_BENCH=1 swift run -c release screening-bench`. Processor time of the thread, which is
// what the work budget counts; a result is one text, its line breaks and quotes escaped. Names of
// `Content` as arguments measure only these.

let sizes = [("2 KB", 2 << 10, 2_000), ("100 KB", 100 << 10, 100), ("10 MB", 10 << 20, 7)]

/// Memory that is the process's own and no file's, in KiB (proc(5), status).
func anonymousKibibytes() throws -> Int {
    let status = String(
        decoding: try Files.read("/proc/self/status", limit: 1 << 16),
        as: UTF8.self
    )
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
}

func milliseconds(since start: Duration) -> String {
    let parts = (Process.threadCPUTime() - start).components
    return padded(Double(parts.seconds) * 1e3 + Double(parts.attoseconds) / 1e15, 1) + " ms"
}

/// Every rule compiled, as it is at its first use, and the words that announce them.
func measureCompiling() throws {
    let before = try anonymousKibibytes()
    let start = Process.threadCPUTime()
    let engine = RegexEngine()
    let book = try RuleBook(RedactionRule.builtIn, engine: engine)
    let announced = milliseconds(since: start)
    let finders = try book.rules.map { try engine.finder($0.pattern) }
    let compiled = milliseconds(since: start)
    let kibibytes = try anonymousKibibytes() - before
    print("\(finders.count) rules compile in \(compiled) and \(kibibytes) KiB,")
    print("of it \(announced) at the start, the rest where a rule is first called for")
}

/// What rules hold that have seen 10 MB which called for each of them.
func measureMemory(_ reader: LineReader) throws {
    var subject: Subject? = try Subject()
    do {
        var source = TextSource(.keywords, seed: 1, reader: reader)
        let document = try result(of: source.text(byteCount: 10 << 20))
        var measurement = Measurement()
        try subject?.measure(document.root, into: &measurement)
    }
    Process.releaseMemory()
    let before = try anonymousKibibytes()
    subject = nil
    Process.releaseMemory()
    print("with what RE2 keeps of such texts they hold \(try before - anonymousKibibytes()) KiB")
}

func row(_ name: String, _ measurement: Measurement, budget: String? = nil) {
    let padding = String(repeating: " ", count: max(1, 42 - name.count))
    print(name + padding + measurement.text + (budget ?? measurement.budget))
}

func measure(_ content: Content, _ subject: Subject, _ reader: LineReader) throws {
    for (size, byteCount, rounds) in sizes {
        var source = TextSource(content, seed: UInt64(byteCount), reader: reader)
        var new = Measurement()
        for _ in 0..<rounds {
            let document = try result(of: source.text(byteCount: byteCount))
            try subject.measure(document.root, into: &new)
        }
        row("\(content.name), \(size), new", new)
        let document = try result(of: source.text(byteCount: byteCount))
        var repeated = Measurement()
        // The first time it is not a repetition.
        var first = Measurement()
        try subject.measure(document.root, into: &first)
        for _ in 0..<rounds { try subject.measure(document.root, into: &repeated) }
        row("\(content.name), \(size), repeated", repeated)
    }
}

/// As after a start: rules that have seen no text at all.
func measureFirst(_ content: Content, _ reader: LineReader) throws {
    for (size, byteCount, _) in sizes.dropLast() {
        var source = TextSource(content, seed: UInt64(byteCount) + 1, reader: reader)
        var first = Measurement()
        for _ in 0..<20 {
            let subject = try Subject()
            let document = try result(of: source.text(byteCount: byteCount))
            try subject.measure(document.root, into: &first)
        }
        row("\(content.name), \(size), first of all", first, budget: "")
    }
}

try measureCompiling()
let reader = try LineReader()
try measureMemory(reader)
print(
    "\nµs, median and most; ns a byte, median and most; findings; most of its budget a round took"
)
let named = Process.arguments.compactMap(Content.init)
let contents = named.isEmpty ? Content.allCases : named
for content in contents { try measure(content, try Subject(), reader) }
print("\nThe first result after a start, compiling included, which no budget counts:")
for content in contents where content != .noise { try measureFirst(content, reader) }
