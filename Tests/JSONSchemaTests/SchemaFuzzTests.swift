import FuzzBodies
import JSON
import TestKit
import Testing

/// The fuzz body over the public suite's schemas and values, whole and damaged.
@Suite(
    .enabled(if: Corpus.has("json-schema-test-suite"), "corpus json-schema-test-suite is not here")
)
struct SchemaFuzzTests {
    private static func inputs() throws -> [[UInt8]] {
        var result: [[UInt8]] = []
        for file in SuiteTests.files {
            let path = "\(SuiteTests.folder)/\(file.folder)/\(file.name)"
            for group in try JSONDocument(parsing: Corpus.bytes(path) ?? []).root.elements {
                guard let schema = group["schema"], let tests = group["tests"] else { continue }
                for test in tests.elements {
                    guard let value = test["data"] else { continue }
                    result.append(Array(schema.source) + [0] + Array(value.source))
                }
            }
        }
        return result
    }

    @Test func `every case of the suite agrees with itself`() throws {
        let inputs = try Self.inputs()
        #expect(inputs.count > 2_000)
        #expect(inputs.allSatisfy(SchemaFuzz.holds))
    }

    @Test("damaged schemas and values trap nowhere", arguments: [UInt64(1), 20_261_121])
    func damaged(seed: UInt64) throws {
        var generator = Seeded(seed)
        let inputs = try Self.inputs()
        for _ in 0..<4_000 {
            guard let one = inputs.randomElement(using: &generator),
                let other = inputs.randomElement(using: &generator)
            else { return }
            let input = Self.damage(one, with: other, &generator)
            let text = String(decoding: input, as: UTF8.self)
            #expect(SchemaFuzz.holds(input), "seed \(seed): \(text)")
        }
    }

    /// The schema of one with the value of the other, and a few words swapped for others.
    private static func damage(
        _ one: [UInt8],
        with other: [UInt8],
        _ generator: inout Seeded
    ) -> [UInt8] {
        let schema = one.split(separator: 0, maxSplits: 1).first ?? []
        let value = other.split(separator: 0, maxSplits: 1).last ?? []
        let words = [
            "-1", "1e999", "0.0", "null", "true", "{}", "[]", "\"#\"", "\"a\"", "[{}]",
            "{\"$ref\":\"#\"}", "{\"\":{\"$dynamicRef\":\"#a\"}}", "9223372036854775808",
        ].map { Array($0.utf8) }
        var bytes = Array(schema)
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            // Behind a colon stands a value, so that most results are JSON still.
            let colons = bytes.indices.filter { bytes[$0] == UInt8(ascii: ":") }
            guard let colon = colons.randomElement(using: &generator) else { break }
            let rest = bytes[(colon + 1)...].firstIndex { $0 == 0x2c || $0 == 0x7d }
            let word = words.randomElement(using: &generator) ?? []
            bytes.replaceSubrange((colon + 1)..<(rest ?? bytes.endIndex), with: word)
        }
        if Bool.random(using: &generator),
            let place = bytes.indices.randomElement(using: &generator)
        {
            bytes[place] = UInt8.random(in: 1...255, using: &generator)
        }
        return bytes + [0] + Array(value)
    }
}
