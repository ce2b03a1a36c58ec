@testable import JSON
import Testing

@Suite struct ScaleTests {
    private static let limits = JSONLimits(
        byteCount: 64 << 20,
        nodeCount: 1 << 23,
        objectKeyCount: 1 << 21
    )

    private func object(_ keys: some Sequence<String>) -> [UInt8] {
        var text: [UInt8] = [0x7b]
        for key in keys {
            if text.count > 1 { text.append(0x2c) }
            text += "\"\(key)\":0".utf8
        }
        return text + [0x7d]
    }

    @Test(.timeLimit(.minutes(5)))
    func `a million keys are told apart, and one more of them is found`() throws {
        let keys = (0..<1_000_000).lazy.map { "key-\($0)" }
        let text = object(keys)
        let root = try JSONDocument(parsing: text, limits: Self.limits).root
        #expect(root.count == 1_000_000)
        // Looking a key up does not read through the others.
        #expect((0..<1_000_000).allSatisfy { root.member("key-\($0)") != nil })
        #expect((0..<1_000_000).allSatisfy { root.member("kez-\($0)") == nil })
        let again = text.dropLast() + Array(#","key-\u0037":1}"#.utf8)
        #expect(throws: JSONError.duplicateKey(offset: text.count)) {
            try JSONDocument(parsing: again, limits: Self.limits)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a million keys are sorted and looked up in pieces`() throws {
        let text = object((0..<1_000_000).reversed().lazy.map { "\($0)" })
        let document = try JSONDocument(parsing: text, limits: Self.limits)
        let form = try CallForm(document.root, limits: Self.limits)
        #expect(form.document.root.count == 1_000_000)
        #expect(form.bytes.starts(with: Array(#"{"0":0,"1":0,"10":0,"100":0,"#.utf8)))
    }

    /// Keys made to fall on one place of the table would cost the square of their number.
    @Test func `keys made to collide are still told apart in bounded work`() throws {
        var colliding: [String] = []
        var number = 0
        while colliding.count < 400 {
            let key = "\(number)"
            let hash = unsafe Array(key.utf8).withUnsafeBufferPointer { unsafe KeyHash.of($0) }
            if hash & 1023 == 7 { colliding.append(key) }
            number += 1
        }
        let root = try JSONDocument(parsing: object(colliding)).root
        #expect(root.count == 400)
        #expect(colliding.allSatisfy { root.member($0) != nil })
        #expect(root.member("absent") == nil && root.member("") == nil)
        let again = colliding + [colliding[200]]
        let expected = object(colliding).count
        #expect(throws: JSONError.duplicateKey(offset: expected)) {
            try JSONDocument(parsing: object(again))
        }
    }

    @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 34, 100])
    func `a repeated key is found in objects of every size`(count: Int) throws {
        let keys = (0..<count).map { "k\($0 * 7919)" }
        let root = try JSONDocument(parsing: object(keys)).root
        #expect(root.count == count)
        for place in keys.indices {
            #expect(throws: JSONError.duplicateKey(offset: object(keys).count)) {
                try JSONDocument(parsing: object(keys + [keys[place]]))
            }
            #expect(root.member(keys[place])?.source.first == 0x30)
            #expect(root.member(keys[place] + "x") == nil)
        }
    }
}
