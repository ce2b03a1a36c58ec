import FuzzBodies
import TestKit
import Testing

/// Every fuzz body over the inputs that were worth keeping; a finding becomes one of them.
@Suite struct SavedCorpusTests {
    @Test("saved inputs come back", .timeLimit(.minutes(5)), arguments: FuzzTarget.allCases)
    func savedInputs(target: FuzzTarget) throws {
        let folder = Corpus.packageRoot + "/Fuzz/corpus/\(target.rawValue)"
        let names = Corpus.names(in: folder)
        #expect(!names.isEmpty, "\(folder) is empty: a target needs inputs to start from")
        for name in names {
            target.run(try #require(Corpus.bytes(folder + "/" + name)))
        }
    }

    @Test(
        "cut and flipped inputs come back",
        .timeLimit(.minutes(5)),
        arguments: FuzzTarget.allCases
    )
    func changedInputs(target: FuzzTarget) throws {
        let folder = Corpus.packageRoot + "/Fuzz/corpus/\(target.rawValue)"
        let inputs = try Corpus.names(in: folder).map { name in
            try #require(Corpus.bytes(folder + "/" + name)).prefix(256)
        }
        // As many places as there is time for, spread over all inputs.
        let step = max(1, inputs.reduce(0) { $0 + $1.count } / target.changeCount)
        for bytes in inputs {
            for place in stride(from: 0, to: bytes.count, by: step) {
                target.run(Array(bytes[..<place]))
                var flipped = Array(bytes)
                flipped[place] ^= 1 << UInt8(place % 8)
                target.run(flipped)
            }
        }
    }
}
