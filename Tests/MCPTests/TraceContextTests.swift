import MCP
import Testing

private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
private let span = "00f067aa0ba902b7"

@Suite("Trace context")
struct TraceContextTests {
    @Test func `a request of ours stays in the trace and has a span of its own`() throws {
        let context = try #require(TraceContext(traceparent: "00-\(trace)-\(span)-01"))
        #expect(context.trace == trace)
        #expect(context.child(span: "1111111111111111") == "00-\(trace)-1111111111111111-01")
    }

    @Test func `of a later version what is known is read`() throws {
        let context = try #require(TraceContext(traceparent: "cc-\(trace)-\(span)-01-what-comes"))
        #expect(context.child(span: span) == "00-\(trace)-\(span)-01")
        #expect(TraceContext(traceparent: "cc-\(trace)-\(span)-00") != nil)
    }

    @Test(
        "what is none is left out",
        arguments: [
            "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-0", "00-\(trace)-\(span)-01 ",
            "00-\(trace)-\(span)-01-more", "ff-\(trace)-\(span)-01", "0x-\(trace)-\(span)-01",
            "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span)-0G",
            "00-\(String(repeating: "0", count: 32))-\(span)-01",
            "00-\(trace)-\(String(repeating: "0", count: 16))-01", "cc-\(trace)-\(span)-01x",
            "00_\(trace)_\(span)_01", "00-\(trace)-\(span)-é1",
            String(repeating: "-", count: 55), String(repeating: "0", count: 1000),
        ]
    )
    func none(text: String) { #expect(TraceContext(traceparent: text) == nil) }
}
