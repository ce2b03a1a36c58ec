import Base
import Testing

@testable import Gateway

@Suite
struct MetricsTextTests {
    @Test(
        arguments: [
            (UInt64(0), "0"), (50_000, "0.00005"), (2_500_000_000, "2.5"), (60_000_000_000, "60"),
            (1, "0.000000001"), (UInt64.max, "18446744073.709551615"),
        ]
    )
    func `nanoseconds become seconds exactly`(nanoseconds: UInt64, text: String) {
        #expect(MetricsText.seconds(nanoseconds) == text)
    }

    @Test func `a label's value cannot end its line or its quotes`() {
        var text = MetricsText()
        text.family("a_total", .counter, "Something.")
        text.sample(UInt64(1), [("x", "a\"b\\c\nd")])
        #expect(
            String(decoding: text.bytes, as: UTF8.self)
                == "# HELP a_total Something.\n# TYPE a_total counter\n"
                + #"a_total{x="a\"b\\c\nd"} 1"# + "\n"
        )
    }

    @Test func `a histogram adds its buckets up`() {
        var histogram = DurationHistogram()
        histogram.count(nanoseconds: 50_000)
        histogram.count(nanoseconds: 50_001)
        histogram.count(.seconds(61))
        histogram.count(.seconds(-1))
        #expect(histogram.count == 4)
        #expect(histogram.counts.first == 2)
        #expect(histogram.counts[1] == 1)
        #expect(histogram.counts.last == 1)
        var text = MetricsText()
        text.family("h", .histogram, "Something.")
        text.sample(histogram)
        let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.contains(#"h_bucket{le="0.0001"} 3"#))
        #expect(lines.contains(#"h_bucket{le="60"} 3"#))
        #expect(lines.contains(#"h_bucket{le="+Inf"} 4"#))
        #expect(lines.contains("h_sum 61.000100001"))
        #expect(lines.contains("h_count 4"))
    }
}
