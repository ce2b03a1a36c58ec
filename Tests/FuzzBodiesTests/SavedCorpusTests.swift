import FuzzBodies
import TestKit
import Testing

/// Every fuzz body over the inputs that were worth keeping; a finding becomes one of them.
@Suite struct SavedCorpusTests {
    @Test("saved inputs come back", .timeLimit(.minutes(1)), arguments: FuzzTarget.allCases)
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
        .timeLimit(.minutes(2)),
        arguments: FuzzTarget.allCases
    )
    func changedInputs(target: FuzzTarget) throws {
        let folder = Corpus.packageRoot + "/Fuzz/corpus/\(target.rawValue)"
        for name in Corpus.names(in: folder) {
            let bytes = try #require(Corpus.bytes(folder + "/" + name)).prefix(256)
            for place in bytes.indices {
                target.run(Array(bytes[..<place]))
                var flipped = Array(bytes)
                flipped[place] ^= 1 << UInt8(place % 8)
                target.run(flipped)
            }
        }
    }
}
