import JSON
import Testing

@Suite struct ParserTests {
    @Test(
        "says what is wrong and where",
        arguments: [
            ("", JSONError.unexpectedEnd(offset: 0)), (" \n", .unexpectedEnd(offset: 2)),
            ("[", .unexpectedEnd(offset: 1)), ("{\"a\"", .unexpectedEnd(offset: 4)),
            ("{\"a\":", .unexpectedEnd(offset: 5)), ("[1,", .unexpectedEnd(offset: 3)),
            ("\"abc", .unexpectedEnd(offset: 4)), ("\"\\", .unexpectedEnd(offset: 2)),
            ("\"\\u12", .unexpectedEnd(offset: 5)), ("tru", .unexpectedEnd(offset: 3)),
            ("-", .unexpectedEnd(offset: 1)), ("1.", .unexpectedEnd(offset: 2)),
            ("1e+", .unexpectedEnd(offset: 3)), ("[1}", .unexpectedByte(offset: 2)),
            ("{1:2}", .unexpectedByte(offset: 1)), ("{\"a\" 1}", .unexpectedByte(offset: 5)),
            ("[1,]", .unexpectedByte(offset: 3)), ("{\"a\":1,}", .unexpectedByte(offset: 7)),
            ("[1 2]", .unexpectedByte(offset: 3)), ("trux", .unexpectedByte(offset: 3)),
            ("falze", .unexpectedByte(offset: 3)), ("nil", .unexpectedByte(offset: 1)),
            ("+1", .unexpectedByte(offset: 0)), ("'a'", .unexpectedByte(offset: 0)),
            ("\u{b}1", .unexpectedByte(offset: 0)), ("// x\n1", .unexpectedByte(offset: 0)),
            ("01", .invalidNumber(offset: 0)), ("-01", .invalidNumber(offset: 1)),
            ("[1.x]", .invalidNumber(offset: 3)), ("[.5]", .unexpectedByte(offset: 1)),
            ("[1e]", .invalidNumber(offset: 3)), ("-x", .invalidNumber(offset: 1)),
            ("\"\\x\"", .invalidEscape(offset: 1)), ("\"\\u12g4\"", .invalidEscape(offset: 5)),
            ("\"\\U1234\"", .invalidEscape(offset: 1)),
            ("\"a\nb\"", .controlCharacter(offset: 2)), ("\"\0\"", .controlCharacter(offset: 1)),
            ("\"\\ud800\"", .loneSurrogate(offset: 1)),
            ("\"\\udc00\"", .loneSurrogate(offset: 1)),
            ("\"\\ud800\\n\"", .loneSurrogate(offset: 1)),
            ("\"\\ud800\\ud800\"", .loneSurrogate(offset: 1)),
            ("\u{feff}{}", .byteOrderMark(offset: 0)), ("1 2", .trailingBytes(offset: 2)),
            ("{}{}", .trailingBytes(offset: 2)), ("[]\0", .trailingBytes(offset: 2)),
            ("{\"a\":1,\"a\":1}", .duplicateKey(offset: 7)),
            ("{\"a\":1,\"\\u0061\":1}", .duplicateKey(offset: 7)),
            ("{\"\\u0061\":1,\"a\":1}", .duplicateKey(offset: 12)),
            ("{\"/\":1,\"\\/\":1}", .duplicateKey(offset: 7)),
            ("{\"\":1,\"\":1}", .duplicateKey(offset: 6)),
            ("{\"😀\":1,\"\\ud83d\\ude00\":1}", .duplicateKey(offset: 10)),
            ("[{\"x\":{\"a\":[],\"b\":0,\"a\":{}}}]", .duplicateKey(offset: 20)),
        ]
    )
    func refuses(text: String, expected: JSONError) {
        #expect(throws: expected) { try parse(text) }
        #expect(expected.description.hasPrefix("byte \(expected.offset): "))
    }

    @Test(
        "takes keys that only look alike",
        arguments: [
            "{\"a\":1,\"A\":1}", "{\"a\":1,\"a \":1}", "{\"\":1,\"\\u0000\":1}",
            "{\"\u{e9}\":1,\"e\u{301}\":1}", "{\"K\":1,\"\u{212a}\":1}",
            "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]",
            "{\"abcdefgh\":1,\"abcdefghi\":1,\"abcdefghj\":1}",
        ]
    )
    func takes(text: String) throws { #expect(try tree(parse(text).root) == read(text)) }

    private func read(_ text: String) -> ReferenceReader.Tree? {
        ReferenceReader.read(Array(text.utf8))
    }

    @Test(
        "refuses bytes that are not UTF-8",
        arguments: [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x80, 0x80],
            [0xe0, 0x9f, 0xbf], [0xe1, 0x80], [0xe1, 0x80, 0x41], [0xed, 0xa0, 0x80],
            [0xed, 0xbf, 0xbf], [0xef, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
            [0xf0, 0x90, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xf8],
            [0xff], [0xfe, 0xff],
        ] as [[UInt8]]
    )
    func refuses(bytes: [UInt8]) {
        // At every place relative to the eight bytes that are read at once.
        for before in 0..<17 {
            for after in [0, 3, 9] {
                let plain = [UInt8](repeating: 0x61, count: before)
                let text = [0x22] + plain + bytes + [UInt8](repeating: 0x61, count: after) + [0x22]
                #expect(throws: JSONError.invalidUTF8(offset: before + 1)) {
                    try JSONDocument(parsing: text)
                }
            }
        }
    }

    @Test func `takes the first and last character of every length`() throws {
        let text = "\"\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}\""
        #expect(try parse(text).root.string == String(text.dropFirst().dropLast()))
    }

    @Test func `finds every special byte at every place in a string`() throws {
        for length in 0..<40 {
            let plain = [UInt8](repeating: 0x61, count: length)
            let good = [0x22] + plain + [0x22]
            #expect(try JSONDocument(parsing: good).root.utf8 == plain)
            for place in 0..<length {
                for byte in UInt8.min...0x1f {
                    var text = good
                    text[place + 1] = byte
                    #expect(throws: JSONError.controlCharacter(offset: place + 1)) {
                        try JSONDocument(parsing: text)
                    }
                }
                for byte: UInt8 in 0x20..<0x80 where byte != 0x22 && byte != 0x5c {
                    var text = good
                    text[place + 1] = byte
                    #expect(try JSONDocument(parsing: text).root.utf8 == Array(text[1...length]))
                }
                var text = good
                text[place + 1] = 0x22
                #expect(throws: JSONError.trailingBytes(offset: place + 2)) {
                    try JSONDocument(parsing: text)
                }
            }
        }
    }

    @Test func `a text cut anywhere is refused`() throws {
        let text =
            #" {"a":[1,-2.5e+3,true,false,null,"x\n\u00e9\ud83d\ude00é"],"b":{"c":{}},"d":[]}"#
        let bytes = Array(text.utf8)
        _ = try JSONDocument(parsing: bytes)
        for length in bytes.indices {
            #expect(throws: JSONError.self) { try JSONDocument(parsing: bytes[..<length]) }
        }
    }

    @Test func `a slice is read for itself`() throws {
        let bytes = Array("xx[1]yy".utf8)
        let document = try JSONDocument(parsing: bytes[2..<5])
        #expect(text(document.bytes) == "[1]")
        #expect(document.root.count == 1)
    }
}

@Suite struct LimitTests {
    @Test func `bytes`() throws {
        #expect(try parse("[10]", JSONLimits(byteCount: 4)).root.count == 1)
        #expect(throws: JSONError.tooLarge(limit: 3, offset: 3)) {
            try parse("[10]", JSONLimits(byteCount: 3))
        }
        #expect(throws: JSONError.tooLarge(limit: 3, offset: 3)) {
            try JSONDocument(parsing: Array("[10]".utf8)[...], limits: JSONLimits(byteCount: 3))
        }
    }

    @Test func `depth`() throws {
        for limit in [0, 1, 2, 64, 512] {
            let limits = JSONLimits(byteCount: 4096, depth: limit)
            let text =
                String(repeating: "[", count: limit) + "1" + String(repeating: "]", count: limit)
            #expect(throws: Never.self) { try parse(text, limits) }
            #expect(throws: JSONError.tooDeep(limit: limit, offset: limit)) {
                try parse("[" + text + "]", limits)
            }
            #expect(throws: JSONError.tooDeep(limit: limit, offset: limit)) {
                try parse(String(repeating: "[", count: limit) + "{}", limits)
            }
        }
        #expect(JSONLimits(byteCount: 1, depth: 100_000).depth == 512)
    }

    @Test func `depth counts what is open, not what was`() throws {
        let limits = JSONLimits(byteCount: 1 << 20, depth: 2)
        #expect(
            try parse(
                "[[],[],{},[{\"a\":1}][0]".replacing("[0]", with: "]"),
                JSONLimits(byteCount: 99, depth: 3)
            ).root.count == 4
        )
        #expect(throws: Never.self) {
            try parse(
                "[" + Array(repeating: "{\"a\":1},[]", count: 500).joined(separator: ",") + "]",
                limits
            )
        }
    }

    @Test func `values and keys`() throws {
        for limit in [1, 2, 17, 40, 100] {
            let limits = JSONLimits(byteCount: 4096, nodeCount: limit)
            let ones = Array(repeating: "1", count: limit - 1).joined(separator: ",")
            #expect(try parse("[\(ones)]", limits).root.count == limit - 1)
            #expect(throws: JSONError.self) {
                try parse("[\(ones + (limit > 1 ? "," : "") + "1")]", limits)
            }
        }
        #expect(throws: JSONError.tooManyNodes(limit: 2, offset: 5)) {
            try parse("{\"a\":1}", JSONLimits(byteCount: 99, nodeCount: 2))
        }
        #expect(throws: Never.self) {
            try parse("{\"a\":1}", JSONLimits(byteCount: 99, nodeCount: 3))
        }
    }

    @Test func `keys of one object`() throws {
        func limits(_ keys: Int) -> JSONLimits { JSONLimits(byteCount: 99, objectKeyCount: keys) }
        #expect(throws: Never.self) { try parse("{\"a\":{\"b\":1,\"c\":2},\"d\":3}", limits(2)) }
        #expect(throws: JSONError.tooManyKeys(limit: 2, offset: 13)) {
            try parse("{\"a\":1,\"b\":2,\"c\":3}", limits(2))
        }
        #expect(throws: Never.self) { try parse("[{}]", limits(0)) }
        #expect(throws: JSONError.tooManyKeys(limit: 0, offset: 1)) {
            try parse("{\"a\":1}", limits(0))
        }
    }

    @Test(arguments: ["[", "{\"a\":", "[[{\"b\":"])
    func `a hundred thousand open brackets are refused without recursion`(opening: String) {
        let text = String(repeating: opening, count: 100_000)
        #expect(throws: JSONError.self) { try parse(text, .result) }
    }
}
