import Audit
import Base
import JSON
import Testing

struct RecordTests {
    static let nasty = [
        "", "plain", "quote \" backslash \\ slash /", "\u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}",
        "é e\u{301} 漢字 🏠 \u{2028}\u{fffe}", "</script>",
    ]

    static let details: [RecordDetail] =
        nasty.map { text in
            .judgement(
                JudgementDetail(
                    verdict: "refuse",
                    tier: "T2",
                    rule: text,
                    reason: text,
                    refusal: .outOfScope,
                    approval: text,
                    policy: hashing.sha256([1]),
                    pin: hashing.sha256([2]),
                    arguments: text,
                    argumentsByteCount: text.utf8.count,
                    commitment: hashing.sha256([3]),
                    redacted: [text, text]
                )
            )
        }
        + nasty.map { text in
            .outcome(
                OutcomeDetail(
                    status: .toolError,
                    duration: .microseconds(12_345),
                    receivedByteCount: 1 << 40,
                    givenByteCount: 0,
                    receivedCommitment: hashing.sha256([4]),
                    givenCommitment: hashing.sha256([5]),
                    isCut: true,
                    redacted: [text],
                    result: text,
                    error: text
                )
            )
        }
        + nasty.map { text in
            .fields([
                RecordField("zone", text), RecordField("alpha", .texts([text, text])),
                RecordField("count", .integer(-42)), RecordField("Upper", .flag(true)),
                RecordField("digest", .digest(hashing.sha256([6]))),
                RecordField("until", .time(Timestamp(milliseconds: -1))),
                RecordField("alpha", "a second of the same name is left out"),
            ])
        }
        + [.fields([]), .judgement(JudgementDetail(verdict: "allow"))]

    static func record(_ kind: RecordKind, _ detail: RecordDetail) throws -> AuditRecord {
        AuditRecord(
            kind,
            at: sampleTime,
            tenant: .main,
            environment: staging,
            call: "c\"1",
            principal: try PrincipalName("agent-7"),
            run: "r 1",
            server: try ServerName("files"),
            tool: try ToolName("größe/\"x\""),
            detail: detail
        )
    }

    @Test(arguments: RecordKind.allCases)
    func `a record's bytes are what RFC 8785 makes of them`(kind: RecordKind) throws {
        for detail in Self.details {
            let bytes = try Self.record(kind, detail).encoded()
            let document = try JSONDocument(parsing: bytes)
            #expect(try RFC8785.canonical(document.root) == bytes)
            let bare = AuditRecord(
                kind,
                at: sampleTime,
                tenant: .main,
                environment: staging,
                detail: detail
            )
            let parsed = try JSONDocument(parsing: bare.encoded())
            #expect(try RFC8785.canonical(parsed.root) == bare.encoded())
        }
    }

    @Test func `what was written is read back`() throws {
        let head = try #require(RecordHead(leaf: Self.record(.intent, Self.details[2]).encoded()))
        #expect(head.kind == "intent")
        #expect(head.time == sampleTime.description)
        #expect(head.call == "c\"1")
        #expect(head.tool == "größe/\"x\"")
        #expect(head.detail?["arguments"]?.string == Self.nasty[2])
    }

    @Test(arguments: [
        -62_167_219_200_000, -1, 0, 951_782_399_999, 951_868_800_000, 4_107_542_399_999,
        253_402_300_799_999, 1_785_585_600_123,
    ])
    func `a time is written as its description`(milliseconds: Int64) throws {
        let time = Timestamp(milliseconds: milliseconds)
        let record = AuditRecord(.log, at: time, tenant: .main, environment: staging)
        #expect(RecordHead(leaf: record.encoded())?.time == time.description)
    }

    @Test(arguments: [Limits.recordedArgumentsByteCount, Limits.recordedArgumentsByteCount + 1])
    func `arguments are kept whole up to the limit and cut one past it`(count: Int) throws {
        let text = String(repeating: "a", count: count)
        let detail = JudgementDetail(verdict: "allow", arguments: text)
        let bytes = try Self.record(.intent, .judgement(detail)).encoded()
        let kept = try #require(RecordHead(leaf: bytes)?.detail)
        #expect(kept["arguments"]?.utf8?.count == Limits.recordedArgumentsByteCount)
        #expect(
            kept["argumentsCut"]?.bool == (count > Limits.recordedArgumentsByteCount ? true : nil)
        )
    }

    @Test(arguments: 0..<20) func `a cut never parts a code point`(place: Int) throws {
        let limit = Limits.recordedResultMostByteCount
        let text =
            String(repeating: "x", count: limit - 20 + place) + String(repeating: "🏠", count: 10)
        let detail = OutcomeDetail(status: .ok, duration: .zero, result: text)
        let bytes = try Self.record(.outcome, .outcome(detail)).encoded()
        let kept = try #require(RecordHead(leaf: bytes)?.detail?["result"]?.string)
        #expect(text.unicodeScalars.starts(with: kept.unicodeScalars))
        #expect(kept.utf8.count <= limit)
        #expect(kept.utf8.count > limit - 4)
    }

    @Test(arguments: [(4, nil), (5, true)] as [(Int, Bool?)])
    func `a result shorter than what was given is recorded as cut`(
        given: Int,
        isCut: Bool?
    ) throws {
        let detail = OutcomeDetail(
            status: .ok,
            duration: .zero,
            givenByteCount: given,
            result: "done"
        )
        let bytes = try Self.record(.outcome, .outcome(detail)).encoded()
        #expect(RecordHead(leaf: bytes)?.detail?["resultCut"]?.bool == isCut)
    }

    @Test(arguments: [0, 1]) func `a text is cut at 8 KiB and a list after 64`(past: Int) throws {
        let text = String(repeating: "t", count: Limits.recordedTextByteCount + past)
        let list = Array(repeating: "rule", count: Limits.recordedListCount + past)
        let judgement = JudgementDetail(verdict: "refuse", reason: text, redacted: list)
        let bytes = try Self.record(.judged, .judgement(judgement)).encoded()
        let kept = try #require(RecordHead(leaf: bytes)?.detail)
        #expect(kept["reason"]?.utf8?.count == Limits.recordedTextByteCount)
        #expect(kept["redacted"]?.count == Limits.recordedListCount)
        let fields = RecordDetail.fields([RecordField("a", text), RecordField("b", .texts(list))])
        let rare = try Self.record(.log, fields).encoded()
        #expect(RecordHead(leaf: rare)?.detail?["a"]?.utf8?.count == Limits.recordedTextByteCount)
        #expect(RecordHead(leaf: rare)?.detail?["b"]?.count == Limits.recordedListCount)
    }

    @Test func `an integer outside the exact doubles is held to them`() throws {
        let record = AuditRecord(
            .log,
            at: sampleTime,
            tenant: .main,
            environment: staging,
            detail: .fields([
                RecordField("a", .integer(.max)), RecordField("b", .integer(.min)),
            ])
        )
        let detail = try #require(RecordHead(leaf: record.encoded())?.detail)
        #expect(detail["a"]?.number?.int64 == 9_007_199_254_740_991)
        #expect(detail["b"]?.number?.int64 == -9_007_199_254_740_991)
    }
}
