import JSON
import Testing

@Suite struct JSONKeysTests {
    private static let keys = JSONKeys("id", "method", "")

    private func found(_ text: String) throws -> JSONFewMembers {
        try JSONDocument(parsing: Array(text.utf8)).root.members(Self.keys)
    }

    @Test func `several members are found in one pass, wherever they stand`() throws {
        let found = try found(#"{"method":"ping","x":{"id":2},"id":1}"#)
        #expect(found[0]?.smallInteger == 1)
        #expect(found[1]?.string == "ping")
        #expect(found[2] == nil)
        #expect(found.has(0) && !found.has(2))
    }

    @Test func `a key is found however it is escaped, and an empty one too`() throws {
        let found = try found(#"{"\u0069d":1,"":2,"methods":3}"#)
        #expect(found[0]?.smallInteger == 1)
        #expect(found[1] == nil)
        #expect(found[2]?.smallInteger == 2)
    }

    @Test func `members are found among many`() throws {
        let many = (0..<100).map { #""k\#($0)":0,"# }.joined()
        let found = try found("{\(many)\"method\":true}")
        #expect(found[0] == nil)
        #expect(found[1]?.bool == true)
    }

    @Test("what is no object has no members", arguments: ["[]", #""id""#, "1", "null"])
    func noObject(text: String) throws {
        let found = try found(text)
        #expect(!found.has(0) && !found.has(1) && !found.has(2))
    }

    @Test func `a value is told by its place, not by what it is`() throws {
        let root = try JSONDocument(parsing: Array(#"{"id":1,"a":1}"#.utf8)).root
        let found = root.members(Self.keys)
        let values = root.members.nodes.map { found.key(of: $0.value.place) }
        #expect(values == [0, nil])
    }

    @Test(
        "an object is compact without blanks of its own",
        arguments: [
            ("{}", true), (#"{"a":1}"#, true), (#"{"a":"b","c":[ 1 ],"d":{ }}"#, true),
            ("{ }", false), (#"{"a": 1}"#, false), (#"{"a":1 ,"b":2}"#, false),
            (#"{"a":1, "b":2}"#, false), ("[]", false),
        ]
    )
    func compact(text: String, isCompact: Bool) throws {
        #expect(try JSONDocument(parsing: Array(text.utf8)).root.isCompact == isCompact)
    }

    @Test(
        "integers are written as they are",
        arguments: [0, 7, -1, 10, 256, .max, .min] as [Int64]
    )
    func integers(number: Int64) {
        var writer = JSONWriter()
        writer.number(number)
        #expect(writer.bytes == Array(String(number).utf8))
    }
}
