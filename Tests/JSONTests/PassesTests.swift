import JSON
import Testing

@Suite("Several things looked for in one pass over a value")
struct PassesTests {
    private static let keys = JSONKeys("text", "data", "isError")

    private func node(_ text: String) throws -> JSONNode {
        try JSONDocument(parsing: Array(text.utf8)).root
    }

    @Test func `each key's value is found, whatever stands between and however it is spelt`() throws
    {
        let members = try node(#"{"data":[{"text":1}],"x":{},"\u0074ext":"a"}"#).members(Self.keys)
        #expect(members[0]?.string == "a")
        #expect(members[1]?.kind == .array)
        #expect(members[2] == nil)
        #expect(members.kind(of: 0) == .string)
        #expect(members.kind(of: 2) == nil)
    }

    @Test("what is no object has none", arguments: [#"["text"]"#, #""text""#, "null", "{}"])
    func none(text: String) throws {
        let members = try node(text).members(Self.keys)
        #expect((0..<3).allSatisfy { members[$0] == nil })
    }

    @Test func `a key among many is found`() throws {
        let row = (0..<200).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let members = try node("{\(row),\"data\":7}").members(Self.keys)
        #expect(members[1]?.number?.int64 == 7)
        #expect(members[0] == nil)
    }

    @Test(
        "a value is plain without escapes and certain words",
        arguments: [
            (#"{"a":["blobs","imag",3,true]}"#, true), (#"{"blob":""}"#, false),
            (#"["BLOB"]"#, false), (#"{"a":{"type":"image"}}"#, false), (#""a\n""#, false),
            (#"{"a\u0062":1}"#, false), ("12", true), (#"[["a"],"bl[b"]"#, true),
        ]
    )
    func plain(text: String, isPlain: Bool) throws {
        #expect(try node(text).isPlain(without: ["blob", "image"]) == isPlain)
    }

    @Test func `what stands beside a value does not count`() throws {
        let root = try node(#"{"a":["x"],"blob":"\n"}"#)
        #expect(try #require(root["a"]).isPlain(without: ["blob"]))
        #expect(try !#require(root["blob"]).isPlain(without: ["blob"]))
    }
}
