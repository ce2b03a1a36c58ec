import Egress
import Testing

/// A greeting made by hand, each part replaceable.
struct Greeting {
    var name: [UInt8]? = Array("api.example.com".utf8)
    var extensions: [[UInt8]] = []
    var recordLimit = 16_384

    static func vector(_ bytes: [UInt8], _ lengthByteCount: Int) -> [UInt8] {
        (0..<lengthByteCount).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
            + bytes
    }

    static func field(_ type: UInt16, _ content: [UInt8]) -> [UInt8] {
        [UInt8(type >> 8), UInt8(type & 255)] + vector(content, 2)
    }

    var message: [UInt8] {
        var list = extensions
        if let name {
            list.insert(Self.field(0, Self.vector([0] + Self.vector(name, 2), 2)), at: 0)
        }
        let body =
            [3, 3] + [UInt8](repeating: 7, count: 32) + Self.vector([], 1)
            + Self.vector([0x13, 0x01], 2) + Self.vector([0], 1)
            + Self.vector(list.flatMap(\.self), 2)
        return [1] + Self.vector(body, 3)
    }

    var bytes: [UInt8] {
        var rest = message[...]
        var records: [UInt8] = []
        while !rest.isEmpty {
            records += [22, 3, 1] + Self.vector(Array(rest.prefix(recordLimit)), 2)
            rest = rest.dropFirst(recordLimit)
        }
        return records
    }
}

@Suite struct ClientHelloTests {
    @Test func `says whom it greets, in one record or many`() throws {
        for limit in [1, 7, 16_384] {
            let bytes = Greeting(recordLimit: limit).bytes
            let hello = try #require(try ClientHello.read(bytes + [20, 3, 3]))
            #expect(hello.serverName == "api.example.com")
            #expect(!hello.hidesServerName && hello.byteCount == bytes.count)
        }
        let nameless = try #require(try ClientHello.read(Greeting(name: nil).bytes))
        #expect(nameless.serverName == nil)
    }

    @Test func `waits for the rest wherever it is cut`() throws {
        let bytes = Greeting(recordLimit: 40).bytes
        for count in 0..<bytes.count {
            #expect(try ClientHello.read(Array(bytes.prefix(count))) == nil, "\(count)")
        }
    }

    @Test(arguments: [UInt16(0xfe0d), 0xffce])
    func `sees that the true name is hidden`(type: UInt16) throws {
        let bytes = Greeting(extensions: [Greeting.field(type, [1, 2, 3])]).bytes
        #expect(try #require(try ClientHello.read(bytes)).hidesServerName)
    }

    @Test func `takes no second opinion on the name`() {
        let other = Greeting.vector([0] + Greeting.vector(Array("b".utf8), 2), 2)
        let twice = Greeting(extensions: [Greeting.field(0, other)])
        #expect(throws: ClientHello.Problem.malformed) { try ClientHello.read(twice.bytes) }
        let pair =
            [0] + Greeting.vector(Array("a".utf8), 2) + [0] + Greeting.vector(Array("b".utf8), 2)
        let list = Greeting(name: nil, extensions: [Greeting.field(0, Greeting.vector(pair, 2))])
        #expect(throws: ClientHello.Problem.malformed) { try ClientHello.read(list.bytes) }
    }

    @Test func `refuses what is no greeting, as soon as that shows`() {
        for bytes in [
            Array("GET / HTTP/1.1\r\n".utf8), [22, 2, 0, 0, 1], [21, 3, 1],
            [22, 3, 1, 0, 4, 2, 0, 0, 0],
        ] {
            #expect(throws: ClientHello.Problem.notTLS) { try ClientHello.read(bytes) }
        }
        let empty = [UInt8](arrayLiteral: 22, 3, 1, 0, 0)
        #expect(throws: ClientHello.Problem.malformed) { try ClientHello.read(empty) }
        let long = [UInt8](arrayLiteral: 22, 3, 1, 0, 4, 1, 1, 0, 0)
        #expect(throws: ClientHello.Problem.tooLong) { try ClientHello.read(long) }
        #expect(throws: ClientHello.Problem.malformed) {
            try ClientHello.read(Greeting(name: []).bytes)
        }
    }

    @Test func `never traps on bytes that were changed`() {
        let bytes = Greeting(extensions: [Greeting.field(16, [0, 3, 2, 0x68, 0x32])]).bytes
        for index in bytes.indices {
            for value in [UInt8(0), 1, 0x7f, 0x80, 0xff] {
                var changed = bytes
                changed[index] = value
                _ = try? ClientHello.read(changed)
            }
        }
    }
}
