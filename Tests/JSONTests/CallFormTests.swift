import JSON
import TestKit
import Testing

@Suite struct CallFormTests {
    @Test(
        "writes a number in its one spelling",
        arguments: [
            // As RFC 8785 writes the double, where that says exactly the same.
            ("0", "0"), ("-0", "0"), ("0.0", "0"), ("-0.0e5", "0"), ("0e999999999999999999", "0"),
            ("1", "1"), ("1.0", "1"), ("1.00e0", "1"), ("10e-1", "1"), ("0.1e1", "1"),
            ("100", "100"), ("1e2", "100"), ("1E+2", "100"), ("-5", "-5"), ("-5.50", "-5.5"),
            ("0.1", "0.1"), ("0.30000000000000004", "0.30000000000000004"),
            ("0.000001", "0.000001"), ("0.0000001", "1e-7"), ("0.00000150", "0.0000015"),
            ("1e20", "100000000000000000000"), ("1e21", "1e+21"), ("12e20", "1.2e+21"),
            ("1e23", "1e+23"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("5e-324", "5e-324"), ("0.5e-323", "5e-324"), ("123456789012345", "123456789012345"),
            ("1234567890123456", "1234567890123456"), ("9007199254740992", "9007199254740992"),
            ("9007199254740991", "9007199254740991"), ("-9007199254740991", "-9007199254740991"),
            ("333333333.3333333", "333333333.3333333"),
            ("333333333.33333329", "3.3333333333333329e8"),
            ("4.50", "4.5"), ("2e-3", "0.002"), ("0.000000000000000000000000001", "1e-27"),
            // Whole numbers a double does not hold: their digits, at most 40.
            ("9007199254740993", "9007199254740993"), ("-9007199254740993", "-9007199254740993"),
            ("9007199254740993.0", "9007199254740993"),
            ("9.007199254740993e15", "9007199254740993"),
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551615", "18446744073709551615"),
            ("100000000000000000001", "100000000000000000001"),
            (
                "1234567890123456789012345678901234567891",
                "1234567890123456789012345678901234567891"
            ),
            ("12345678901234567891e20", "1234567890123456789100000000000000000000"),
            // Everything else: d.ddde±n.
            (
                "12345678901234567890123456789012345678912",
                "1.2345678901234567890123456789012345678912e40"
            ),
            ("12345678901234567891e21", "1.2345678901234567891e40"),
            ("1e400", "1e400"), ("1E+400", "1e400"), ("-10e399", "-1e400"), ("1.50e400", "1.5e400"),
            ("1e-400", "1e-400"), ("2e-324", "2e-324"), ("4.94e-324", "4.94e-324"),
            ("0.1234567890123456789", "1.234567890123456789e-1"),
            ("1.000000000000000005", "1.000000000000000005e0"),
            ("-123.45678901234567890123", "-1.2345678901234567890123e2"),
            ("1e100000", "1e100000"), ("1e-100000", "1e-100000"), ("10e99999", "1e100000"),
            ("0.1e100001", "1e100000"), ("123e99998", "1.23e100000"),
        ]
    )
    func spells(source: String, expected: String) throws {
        #expect(try form(source) == expected)
        #expect(JSONNumber(source)?.callForm.map { text($0) } == expected)
        // The form of the form is itself.
        #expect(try form(expected) == expected)
    }

    @Test(
        "refuses powers of ten beyond a hundred thousand",
        arguments: [
            "1e100001", "-1e100001", "1e-100001", "10e100000", "0.1e-100000", "1e1000000000",
            "1e99999999999999999999999999", "1e-99999999999999999999999999",
            "1" + String(repeating: "0", count: 100_001),
        ]
    )
    func refuses(source: String) throws {
        let document = try parse("[\(source)]")
        #expect(throws: CallFormError.exponentOutOfRange(offset: 1)) { try CallForm(document.root) }
        #expect(JSONNumber(source)?.callForm == nil)
    }

    @Test(
        "tells apart what differs only beyond a double",
        arguments: [
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1", "1.00000000000000000000001"), ("1e400", "1e401"), ("1e400", "2e400"),
            ("1e-400", "0"), ("1e-400", "1e-401"), ("1e-400", "-1e-400"),
            ("10000000000000000999", "10000000000000000000"), ("1e23", "99999999999999991611392"),
            ("0.30000000000000004", "0.3000000000000000444089209850062616169452667236328125"),
            ("5e-324", "4.9406564584124654e-324"), ("123456789012345678", "123456789012345679"),
        ]
    )
    func tellsApart(left: String, right: String) throws {
        #expect(Double(left) == Double(right) || Double(left)?.isFinite == true)
        #expect(try form(left) != form(right))
        #expect(JSONNumber(left) != JSONNumber(right))
    }

    @Test func `sorts keys as UTF-16 does and strings are spelled once`() throws {
        let source =
            #"{"😀":1,"\ufb33":2,"\u20ac":3,"\r":4,"1":5,"é":6,"a":7,"ab":8,"A":9,"":10,"\/":"\u0041\/\u001F\u007f\"\\"}"#
        #expect(
            try form(source)
                == #"{"":10,"\r":4,"/":"A/\u001f\#u{7f}\"\\","1":5,"A":9,"a":7,"ab":8,"é":6,"€":3,"😀":1,"דּ":2}"#
        )
    }

    @Test func `sorts at every depth and keeps arrays in order`() throws {
        #expect(
            try form(#" { "b" : [ 3 , { "y":1,"x":[ ] } , 1 ] , "a" : { "d":{ },"c":null } } "#)
                == #"{"a":{"c":null,"d":{}},"b":[3,{"x":[],"y":1},1]}"#
        )
    }

    @Test(arguments: [0, 1, 2, 15, 16, 17, 18, 40, 300])
    func `sorts objects of every size, plain and escaped`(count: Int) throws {
        var random = Seeded(UInt64(count))
        let names = (0..<count).map {
            "k\(String(repeating: "x", count: $0 % 5))\($0 * 7919 % 1009)"
        }
        for escape in [false, true] {
            let members = names.shuffled(using: &random).enumerated().map { index, name in
                escape && index % 7 == 0 ? "\"\\u006b\(name.dropFirst())\":0" : "\"\(name)\":0"
            }
            let expected = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .map { "\"\($0)\":0" }
            #expect(
                try form("{\(members.joined(separator: ","))}")
                    == "{\(expected.joined(separator: ","))}"
            )
        }
    }

    @Test(
        "what is spelled like its form already is read like its own text",
        arguments: [
            "{}", "[]", #"{"a":1}"#, #"{"a":{},"b":[],"c":[[]]}"#,
            #"{"":"","A":"/é😀","a":[1,-2.5,true,{"k":null,"l":{"m":false}}],"é":"x"}"#,
            #"[{"a":1,"b":2},{"a":3},"s",0,[{"c":[4,5]}]]"#,
        ]
    )
    func readsCanonical(source: String) throws {
        for around in [source, #"{"before":[1,"x"],"it":\#(source),"then":{"b":2,"a":1}}"#] {
            let root = try parse(around).root
            let form = try CallForm(around == source ? root : try #require(root["it"]))
            #expect(text(form.bytes) == source)
            let read = try parse(source)
            #expect(form.document.bytes == read.bytes)
            #expect(tree(form.document.root) == tree(read.root))
            expectSame(form.document.root, read.root)
        }
    }

    private func expectSame(_ left: JSONNode, _ right: JSONNode) {
        #expect(left.source == right.source)
        #expect(left.place == right.place)
        for ((key, value), other) in zip(left.members, right.members) {
            #expect(left.member(key.text)?.place == other.value.place)
            expectSame(value, other.value)
        }
        for (value, other) in zip(left.elements, right.elements) { expectSame(value, other) }
    }

    @Test func `a form over its limits is refused however it is spelled`() throws {
        let node = try parse("[[[1]]]").root
        #expect(try CallForm(node, limits: JSONLimits(byteCount: 7, depth: 3)).bytes.count == 7)
        #expect(throws: CallFormError.self) {
            try CallForm(node, limits: JSONLimits(byteCount: 7, depth: 2))
        }
        #expect(throws: CallFormError.self) {
            try CallForm(node, limits: JSONLimits(byteCount: 6, depth: 3))
        }
    }

    @Test(
        "spells every escape once",
        arguments: [
            (#""\u0041\u00e9\u20ac\ud83d\ude00\uD83D\uDE00""#, #""Aé€😀😀""#),
            (#""a\u000ab\u0008\u001F\u0022\u005c\u002f""#, #""a\nb\b\u001f\"\\/""#),
            (#""\b\f\n\r\t\"\\\/""#, #""\b\f\n\r\t\"\\/""#),
            (#""x\ud83d\ude00\u0041y\\u0041""#, #""x😀Ay\\u0041""#), (#""\u0000""#, #""\u0000""#),
        ]
    )
    func escapes(source: String, expected: String) throws {
        #expect(try form(source) == expected)
        #expect(try form("{\(source):0}") == "{\(expected):0}")
    }

    @Test func `a scalar or an inner value has a form of its own`() throws {
        let document = try parse(#"{"a":{"c":1.0,"b":"\u0061"}}"#)
        let arguments = try #require(document.root["a"])
        #expect(text(try CallForm(arguments).bytes) == #"{"b":"a","c":1}"#)
        #expect(try form("\"\\n\"") == "\"\\n\"")
        #expect(try form("null") == "null")
    }

    @Test func `numbers may make a form longer than its source, up to the limit`() throws {
        let source = "[" + Array(repeating: "1e20", count: 1000).joined(separator: ",") + "]"
        let document = try parse(source)
        let expected = source.replacing("1e20", with: "100000000000000000000")
        #expect(text(try CallForm(document.root).bytes) == expected)
        let limits = JSONLimits(byteCount: source.utf8.count)
        #expect(
            throws: CallFormError.unreadable(
                .tooLarge(limit: source.utf8.count, offset: source.utf8.count)
            )
        ) { try CallForm(document.root, limits: limits) }
    }

    @Test func `plain RFC 8785 goes through doubles and refuses what is none`() throws {
        let document = try parse("[9007199254740993,1e400]")
        let first = try #require(document.root.elements.first { _ in true })
        #expect(text(try RFC8785.canonical(first)) == "9007199254740992")
        #expect(throws: CallFormError.numberOutOfRange(offset: 18)) {
            try RFC8785.canonical(document.root)
        }
    }
}
