package import Base

/// Writes the Prometheus text format, version 0.0.4.
///
/// One family at a time: its help and type, then its samples, as the format asks.
package struct MetricsText {
    package enum Kind: String { case counter, gauge, histogram }

    package static let mediaType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var bytes: [UInt8] = []
    private var name = ""

    package init() { bytes.reserveCapacity(16 << 10) }

    /// Begins a family.
    ///
    /// `name` and `help` are ours: letters, digits, underscores; one line.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        append("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    package mutating func sample(_ value: UInt64, _ labels: [(String, String)] = []) {
        line("", labels, String(value))
    }

    package mutating func sample(_ value: Int, _ labels: [(String, String)] = []) {
        line("", labels, String(value))
    }

    package mutating func sample(_ value: Bool, _ labels: [(String, String)] = []) {
        line("", labels, value ? "1" : "0")
    }

    package mutating func sample(seconds: Duration, _ labels: [(String, String)] = []) {
        line("", labels, Self.seconds(UInt64(clamping: seconds.saturatedNanoseconds)))
    }

    package mutating func sample(
        _ histogram: DurationHistogram,
        _ labels: [(String, String)] = []
    ) {
        var total: UInt64 = 0
        for (bound, count) in zip(DurationHistogram.bounds, histogram.counts) {
            total &+= count
            line("_bucket", labels + [("le", Self.seconds(bound))], String(total))
        }
        line("_bucket", labels + [("le", "+Inf")], String(histogram.count))
        line("_sum", labels, Self.seconds(histogram.sumNanoseconds))
        line("_count", labels, String(histogram.count))
    }

    private mutating func line(_ suffix: String, _ labels: [(String, String)], _ value: String) {
        append(name + suffix)
        if !labels.isEmpty {
            let text = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
            append("{\(text)}")
        }
        append(" \(value)\n")
    }

    private mutating func append(_ text: String) { bytes += text.utf8 }

    /// In a label's value a backslash, a quote and a line feed are escaped, and nothing else is.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Nanoseconds as seconds, exactly: `0.00005`, `2.5`, `60`.
    package static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return String(whole) }
        let digits = String(rest)
        var fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while fraction.last == "0" { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }
}
