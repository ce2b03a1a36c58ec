import JSON
import TestKit
import Testing

/// The parser beside the reference reader, on texts nobody wrote.
@Suite struct DifferentialTests {
    /// Accepted by both with the same content, or by neither.
    private func agrees(_ bytes: [UInt8]) -> Bool {
        let reference = ReferenceReader.read(bytes)
        guard let document = try? JSONDocument(parsing: bytes) else { return reference == nil }
        return reference == tree(document.root)
    }

    private static let samples = [
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":-1.5e3}}}"#,
        #"[[],{},"",0,-0,1.25,1E+2,true,false,null,{"":[{"a":{"b":"\u00e9\ud83d\ude00\n\/é東😀"}}]}]"#,
        #" { "a" : [ 1 , 2 ] , "b" : "\"\\\b\f\n\r\t" , "c" : { "d" : { } } } "#,
        #"{"aaaaaaaaaaaaaaaaaaaaaaaa":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","aaaaaaaaaaaaaaaaaaaaaaab":1}"#,
    ]

    @Test func `texts with random bytes changed, added, removed or swapped`() {
        var random = Seeded(20_261_121)
        let interesting: [UInt8] =
            Array(#"{}[]",:\/u0e-+.19tfn "#.utf8) + [
                0, 0x1f, 0x7f, 0x80, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff,
            ]
        for round in 0..<20_000 {
            var bytes = Array(Self.samples[round % Self.samples.count].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let byte = interesting.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[place] = byte
                case 1: bytes.insert(byte, at: place)
                case 2: bytes.remove(at: place)
                case 3: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
                default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            #expect(agrees(bytes), "round \(round): \(text(bytes))")
        }
    }

    @Test func `values made at random are read as they were made, with blanks or without`() {
        var random = Seeded(8259)
        for round in 0..<2_000 {
            let bytes = Array(value(&random, depth: 4).utf8)
            #expect(agrees(bytes), "round \(round): \(text(bytes))")
        }
    }

    @Test func `a value written again is the same value`() throws {
        var random = Seeded(4627)
        for _ in 0..<2_000 {
            let source = value(&random, depth: 4)
            guard let document = try? parse(source) else { continue }
            let again = try JSONDocument(parsing: document.root.value.serialised())
            #expect(tree(again.root) == tree(document.root))
            #expect(try CallForm(again.root) == CallForm(document.root))
            let canonical = try CallForm(document.root)
            #expect(try CallForm(canonical.document.root) == canonical)
        }
    }

    private func value(_ random: inout Seeded, depth: Int) -> String {
        let blank = { (random: inout Seeded) in
            ["", "", "", " ", "\n", "\t \r"].randomElement(using: &random) ?? ""
        }
        let start = blank(&random)
        let middle: String
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: middle = ["true", "false", "null"].randomElement(using: &random) ?? ""
        case 1, 2: middle = string(&random)
        case 3...5: middle = "\(Int.random(in: -999...999, using: &random))"
        case 6:
            let parts = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                value(&random, depth: depth - 1)
            }
            middle = "[" + (parts.isEmpty ? blank(&random) : parts.joined(separator: ",")) + "]"
        default:
            let parts = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                blank(&random) + string(&random) + blank(&random) + ":"
                    + value(&random, depth: depth - 1)
            }
            middle = "{" + (parts.isEmpty ? blank(&random) : parts.joined(separator: ",")) + "}"
        }
        return start + middle + blank(&random)
    }

    private func string(_ random: inout Seeded) -> String {
        let parts = [
            "a", "key", "long enough to be read in words of eight", "é", "東京", "😀", "\\n", "\\\"",
            "\\\\", "\\/", "\\u0041", "\\u00e9", "\\uD83D\\ude00", "\\u0000", "\u{7f}", " ",
        ]
        let count = Int.random(in: 0..<6, using: &random)
        return "\"" + (0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
            + "\""
    }
}
