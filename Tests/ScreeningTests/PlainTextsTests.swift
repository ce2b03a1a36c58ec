import JSON
import Testing

@testable import Screening

@Suite("Results of nothing but texts")
struct PlainTextsTests {
    private func node(_ text: String) throws -> JSONNode { try Fixture.node(text) }

    @Test(
        "are marked as any other result is",
        arguments: [
            #"{"content":[{"type":"text","text":"hello"}]}"#,
            #"{ "isError" : false, "content" : [ {"text":"a\n\"b","type":"text"} , {"type":"text","text":""} ] }"#,
            #"{"content":[{"type":"text","text":"é\u0041"}],"resultType":"complete","x":[1,{"a":null}]}"#,
            #"{"content":[{"t\u0079pe":"text","text":"a"},{"type":"t\u0065xt","text":"b"}]}"#,
            #"{"content":[]}"#,
        ],
        [true, false]
    )
    func same(json: String, isUntrusted: Bool) throws {
        let node = try node(json)
        let screener = try Fixture.screener()
        let context = ScreeningContext(source: "files.read", isUntrusted: isUntrusted)
        let members = ResultMembers(node)
        #expect(PlainTexts(node, members, limits: .standard) != nil)
        let short = try screener.screen(result: node, context: context)
        let whole = screener.compose(node, members, Examination(), context, ScreeningReport())
        #expect(short.bytes == whole.bytes)
        #expect(short.report == whole.report)
    }

    @Test(
        "are no others",
        arguments: [
            "{}", #"{"content":{}}"#, #"{"content":["a"]}"#, #"{"content":[{"type":"text"}]}"#,
            #"{"content":[{"type":"text","text":null}]}"#,
            #"{"content":[{"type":"image","text":"a"}]}"#,
            #"{"content":[{"type":"text","text":"a","_meta":{}}]}"#,
            #"{"content":[{"type":"text","text":"a"},{"type":"image","data":"QUJD"}]}"#,
            #"{"content":[{"type":"text","text":"a"}],"_meta":{}}"#,
            #"{"content":[{"type":"text","text":"a"}],"structuredContent":1}"#,
        ]
    )
    func others(json: String) throws {
        let node = try node(json)
        #expect(PlainTexts(node, ResultMembers(node), limits: .standard) == nil)
    }

    @Test func `what may be over a limit is left to who cuts`() throws {
        let node = try node(#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#)
        let members = ResultMembers(node)
        let count = node.source.count
        #expect(PlainTexts(node, members, limits: .init(textByteCount: count)) != nil)
        #expect(PlainTexts(node, members, limits: .init(textByteCount: count - 1)) == nil)
        #expect(PlainTexts(node, members, limits: .init(itemCount: 2)) != nil)
        #expect(PlainTexts(node, members, limits: .init(itemCount: 1)) == nil)
    }
}
