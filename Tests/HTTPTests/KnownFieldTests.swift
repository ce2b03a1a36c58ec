import Base
import Testing

@testable import HTTP

struct KnownFieldTests {
    private static func field(_ name: [UInt8]) -> KnownField? {
        KnownField(name.span, 0, name.count)
    }

    @Test("each name is found in any case", arguments: KnownField.allCases)
    func found(known: KnownField) {
        let name = known.text.description.bytes
        let upper = known.text.description.uppercased().bytes
        #expect(Self.field(name) == known)
        #expect(Self.field(upper) == known)
        #expect(KnownField((name + name).span, name.count, name.count) == known)
    }

    @Test(
        "a name of which one bit differs is another, unless that is the case of a letter",
        arguments: KnownField.allCases
    )
    func others(known: KnownField) {
        let name = known.text.description.bytes
        for index in name.indices {
            for bit in 0..<8 {
                var other = name
                other[index] ^= 1 << UInt8(bit)
                let isSame = other.map(Bytes.lowercased) == name
                #expect(Self.field(other) == (isSame ? known : nil), "\(other)")
            }
        }
    }

    @Test func `no name is taken for a longer or a shorter one`() {
        for known in KnownField.allCases {
            let name = known.text.description.bytes
            #expect(Self.field(name + [0x73]) != known)
            #expect(Self.field(Array(name.dropLast())) != known)
        }
        #expect(Self.field([]) == nil)
    }

    @Test func `what is repeated is seen for known names and for others`() throws {
        var scanner = HeadScanner()
        let text = "GET / HTTP/1.1\r\nAccept: a\r\nX-A: 1\r\nhost: h\r\nACCEPT: b\r\nX-B: 1\r\n\r\n"
        let head = try #require(try RequestHead(from: text.bytes.span, scanner: &scanner))
        #expect(head[.accept]?.text == "a")
        #expect(head.isRepeated(.accept))
        #expect(head.fields.joined(.accept) == "a,b".bytes)
        #expect(head.fields.joined("x-a") == "1".bytes)
        #expect(!head.isRepeated("X-a"))
        #expect(head.fields.hasRepeatedName)
        #expect(head.fields.map { $0.name.text } == ["Accept", "X-A", "host", "ACCEPT", "X-B"])
    }
}
