import Audit
import Base
import Crypto

let hashing: any Hashing = OpenSSLHashing()

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
