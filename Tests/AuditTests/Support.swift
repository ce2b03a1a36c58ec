import Audit
import Base
import Crypto

let hashing: any Hashing = OpenSSLHashing()

/// splitmix64: the same numbers for the same seed.
struct Seeded {
    var state: UInt64

    mutating func next(below bound: UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return (z ^ (z >> 31)) % bound
    }
}

final class SeededRandom: RandomSource {
    private let state: Lock<Seeded>
    init(seed: UInt64) { state = Lock(Seeded(state: seed)) }
    func bytes(count: Int) -> [UInt8] {
        state.withLock { seeded in
            (0..<count).map { _ in UInt8(truncatingIfNeeded: seeded.next(below: 256)) }
        }
    }
}

/// A tree of numbered records, with its proofs.
struct SampleTree {
    let records: [[UInt8]]
    private let prover: TreeProver<Never>

    init(size: Int) {
        let records = (0..<size).map { Array("record \($0)".utf8) }
        self.records = records
        let tree = TreeHashing(hashing)
        let leaves = records.map { tree.leaf($0) }
        prover = TreeProver(hashing) { level, index in
            let start = Int(index) << level
            return tree.root(ofComplete: leaves[start..<start + 1 << level])
        }
    }

    func root(_ size: UInt64) -> Digest { prover.root(size: size) }
    func inclusion(_ leaf: UInt64, _ size: UInt64) -> [Digest]? {
        prover.inclusion(of: leaf, size: size)?.hashes
    }
    func consistency(_ older: UInt64, _ size: UInt64) -> [Digest]? {
        prover.consistency(from: older, to: size)?.hashes
    }
}

func flipped(_ digest: Digest) -> Digest {
    Digest(words: (digest.words.0 ^ 1, digest.words.1, digest.words.2, digest.words.3))
}

let staging = EnvironmentName(unchecked: "staging")
let sampleTime = Timestamp(milliseconds: 1_785_585_600_123)
