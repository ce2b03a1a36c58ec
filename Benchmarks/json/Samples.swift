/// Texts of the sizes a gateway sees, the same ones in every run.
enum Samples {
    static let all: [(name: String, bytes: [UInt8])] = [
        ("300 B", call()),
        ("10 KB", page(records: 40)),
        ("1 MB", page(records: 4_150)),
        ("1 MB in one string", document(lines: 14_000)),
    ]

    /// A `tools/call` of about 300 bytes.
    private static func call() -> [UInt8] {
        Array(
            #"{"jsonrpc":"2.0","id":4711,"method":"tools/call","params":{"name":"files__write_file","#
                .utf8
        )
            + Array(
                #""arguments":{"path":"/data/out/report-2026-08.md","content":"First line\nsecond line"#
                    .utf8
            )
            + Array(
                #" of the report","append":false,"mode":420},"_meta":{"progressToken":"p-4711","io.m"#
                    .utf8
            )
            + Array(#"odelcontextprotocol/protocolVersion":"2026-07-28"}}}"#.utf8)
    }

    /// A result that is one text of so many lines, as a tool that reads a file gives it.
    private static func document(lines: Int) -> [UInt8] {
        let line = #"The gate keeps a book: who asked, what was \"decided\", größer als nötig.\n"#
        let text = String(repeating: line, count: lines)
        return Array(
            #"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"\#(text)"}]}}"#
                .utf8
        )
    }

    /// A result with so many records of 240 to 260 bytes: keys, text, numbers, a little of all.
    private static func page(records: Int) -> [UInt8] {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func next(_ bound: UInt64) -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state % bound
        }
        let words = [
            "ledger", "größer", "gate", "cage", "a \\\"quoted\\\" word", "receipt", "東京", "tenant",
            "line\\nbreak", "upstream", "approval", "of", "the", "and", "evidence", "report",
        ]
        var text = #"{"jsonrpc":"2.0","id":7,"result":{"structuredContent":{"items":["#
        for record in 0..<records {
            if record > 0 { text += "," }
            let title = (0..<6).map { _ in words[Int(next(16))] }.joined(separator: " ")
            text += #"{"id":\#(next(1 << 40)),"owner":"agent-\#(next(500))","title":"\#(title)","#
            text += #""state":"\#(next(2) == 0 ? "open" : "closed")","score":0.\#(next(100_000)),"#
            text += #""labels":["kind/\#(words[Int(next(3))])","size/\#(next(9))"],"#
            text += #""locked":\#(next(2) == 0),"parent":null,"at":{"x":-\#(next(180)).5,"y":1e3},"#
            text += #""url":"https://example.com/items/\#(next(1 << 30))"}"#
        }
        return Array((text + "]}}}").utf8)
    }
}
