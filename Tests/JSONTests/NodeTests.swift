import JSON
import Testing

@Suite struct NodeTests {
    private let document = try? parse(
        #"{"text":"a\u00e9\n","plain":"xyz","n":1.50,"yes":true,"no":false,"nothing":null,"list":[1,[2,3],{"a":4}],"l\u0069ne":{"":0}}"#
    )

    @Test func `members are found by their decoded bytes`() throws {
        let root = try #require(document).root
        #expect(root["plain"]?.string == "xyz")
        #expect(root["line"]?[""]?.number?.int == 0)
        #expect(root.member("line")?.kind == .object)
        #expect(root.member(utf8: Array("line".utf8))?.count == 1)
        #expect(root.member(utf8: "line".utf8)?.count == 1)
        for absent in ["", "lin", "line ", "Line", "l\\u0069ne", "texta"] {
            #expect(root.member(absent) == nil)
        }
        #expect(root["list"]?["a"] == nil)
        #expect(root["plain"]?["x"] == nil)
    }

    @Test func `a view gives what it is and nothing else`() throws {
        let root = try #require(document).root
        let text = try #require(root["text"])
        #expect(text.string == "aé\n")
        #expect(text.utf8 == Array("aé\n".utf8))
        #expect(text.isString("aé\n"))
        #expect(!text.isString("aé"))
        #expect(text.number == nil && text.bool == nil && !text.isNull && text.count == 0)
        #expect(root["plain"]?.isString("xyz") == true)
        #expect(root["plain"]?.isString("xy") == false)
        #expect(root["n"]?.isString("1.50") == false)
        #expect(root["n"]?.number?.text == "1.50")
        #expect(root["n"]?.string == nil && root["n"]?.utf8 == nil)
        #expect(root["yes"]?.bool == true && root["no"]?.bool == false)
        #expect(root["nothing"]?.isNull == true && root["nothing"]?.bool == nil)
        #expect(root["list"]?.members.map(\.key) == [])
        #expect(root.elements.map(\.kind) == [])
        #expect(root["n"]?.elements.map(\.kind) == [] && root["n"]?.members.map(\.key) == [])
    }

    @Test func `members and elements come in source order, nested ones skipped`() throws {
        let root = try #require(document).root
        #expect(root.count == 8)
        #expect(
            root.members.map(\.key)
                == ["text", "plain", "n", "yes", "no", "nothing", "list", "line"]
        )
        #expect(root.members.nodes.map { text($0.key.source) }.last == #""l\u0069ne""#)
        let list = try #require(root["list"])
        #expect(list.elements.map { text($0.source) } == ["1", "[2,3]", #"{"a":4}"#])
        #expect(list.element(at: 1)?.count == 2)
        #expect(list.element(at: 2)?["a"]?.number?.int == 4)
        #expect(list.element(at: 3) == nil && list.element(at: -1) == nil)
        #expect(root.element(at: 0) == nil)
    }

    @Test func `source is the exact bytes`() throws {
        let document = try parse("  [ \"a\\n\" , -1.0e5 , { \"k\" : [ ] } , true ] ")
        #expect(text(document.root.source) == "[ \"a\\n\" , -1.0e5 , { \"k\" : [ ] } , true ]")
        #expect(
            document.root.elements.map { text($0.source) }
                == ["\"a\\n\"", "-1.0e5", "{ \"k\" : [ ] }", "true"]
        )
    }

    @Test func `a view keeps its document alive`() throws {
        func inner() throws -> JSONNode { try #require(parse(#"{"a":["kept"]}"#).root["a"]) }
        #expect(try inner().elements.map(\.string) == ["kept"])
    }

    @Test func `a value copied out says the same`() throws {
        let value = try #require(document).root.value
        #expect(value["n"] == .number(JSONNumber("1.5") ?? JSONNumber(0)))
        #expect(value["list"] == [1, [2, 3], ["a": 4]])
        #expect(value["line"] == ["": 0])
        #expect(value["absent"] == nil)
        #expect(JSONValue(1)["a"] == nil)
    }
}

@Suite struct StringTests {
    @Test func `text compares as bytes, never by canonical equivalence`() {
        let composed = JSONString("\u{e9}")
        let decomposed = JSONString("e\u{301}")
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
        #expect(JSONString("a") == "a" && JSONString("a").hashValue == JSONString("a").hashValue)
        #expect(JSONString("a") < "b" && JSONString("a") < "aa" && !(JSONString("b") < "a"))
    }
}

@Suite struct ValueTests {
    @Test func `objects keep their order and are equal in any`() throws {
        var object: JSONObject = ["b": 1, "a": 2]
        object["c"] = nil
        object["b"] = 3
        object["d"] = "x"
        #expect(object.members.map(\.key) == ["b", "a", "d"])
        #expect(object["b"] == 3)
        #expect(object == ["d": "x", "a": 2, "b": 3])
        #expect(object != ["d": "x", "a": 2, "b": 4])
        #expect(object != ["d": "x", "a": 2])
        object["a"] = nil
        #expect(object.count == 2)
        #expect(text(JSONValue.object(object).serialised()) == #"{"b":3,"d":"x"}"#)
        #expect(JSONObject([("a", 1), ("a", 2)]).members.map(\.value) == [2])
    }

    @Test func `numbers in values are equal by value`() {
        #expect(JSONValue.number(JSONNumber("1.0") ?? JSONNumber(0)) == 1)
        #expect(JSONValue(true) != 1)
        #expect(JSONValue(nilLiteral: ()) == .null)
    }
}

@Suite struct WriterTests {
    @Test func `commas and colons come by themselves`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a")
        writer.beginArray()
        writer.number(1)
        writer.number(UInt64.max)
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.bool(true)
        writer.endArray()
        writer.key(JSONString("b"))
        writer.null()
        writer.key("c")
        writer.raw(Array(#"{"x":0}"#.utf8))
        writer.key("d")
        writer.string("")
        writer.endObject()
        #expect(
            text(writer.bytes)
                == #"{"a":[1,18446744073709551615,{},[],true],"b":null,"c":{"x":0},"d":""}"#
        )
    }

    @Test func `strings are escaped as little as RFC 8785 asks`() throws {
        let controls = String(decoding: Array(UInt8.min...0x1f), as: UTF8.self)
        let source = controls + "\"\\/\u{7f}é€😀\u{2028}"
        let written = text(JSONValue(source).serialised())
        #expect(
            written == #""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r"#
                + #"\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019"#
                + #"\u001a\u001b\u001c\u001d\u001e\u001f\"\\/"# + "\u{7f}é€😀\u{2028}\""
        )
        #expect(try parse(written).root.string == source)
    }

    /// Strings are read and written in words of eight bytes.
    @Test func `every character survives at every place of a string`() throws {
        let characters = [
            "\u{0}", "\u{1f}", "\n", "\"", "\\", "/", "\u{7f}", "é", "€", "😀", "\u{9f}",
        ]
        for before in 0..<18 {
            for character in characters {
                for after in [0, 1, 7, 8, 20] {
                    let source =
                        String(repeating: "a", count: before) + character
                        + String(repeating: "\u{e9}", count: after) + character
                    let written = JSONValue(source).serialised()
                    let read = try JSONDocument(parsing: written).root
                    #expect(read.utf8 == Array(source.utf8))
                    #expect(try CallForm(read).bytes == written)
                    #expect(ReferenceReader.read(written) == .string(Array(source.utf8)))
                }
            }
        }
    }

    @Test func `bytes that are no text are repaired, never passed on`() throws {
        var writer = JSONWriter()
        writer.string(utf8: [0x61, 0xff, 0x62])
        #expect(try JSONDocument(parsing: writer.bytes).root.string == "a\u{fffd}b")
    }

    @Test func `nodes are written with their own bytes`() throws {
        let document = try parse(#"{"\u0061":[ 1.0 ]}"#)
        var writer = JSONWriter()
        writer.beginObject()
        for (key, value) in document.root.members.nodes {
            writer.key(key)
            writer.node(value)
        }
        writer.endObject()
        #expect(writer.bytes == document.bytes)
    }
}
