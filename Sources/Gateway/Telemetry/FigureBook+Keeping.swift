import Base
import JSON

/// How samples are kept: those of ten minutes together, and only where something happened.
extension FigureBook {
    /// Blocks to be written anew, and those that are over, which have no value.
    mutating func takeUnkept() -> [(block: Block, value: JSONValue?)] {
        // What a clock that was set back left in the future is over as well.
        let shown = inOrder.first.map {
            Block($0.at)...Block(max($0.at, inOrder.last?.at ?? $0.at))
        }
        let over = kept.filter { block in shown.map { !$0.contains(block) } ?? true }
        let written = unkept.subtracting(over)
        kept = kept.union(written).subtracting(over)
        unkept = []
        return over.sorted().map { ($0, nil) } + written.sorted().map { ($0, value(of: $0)) }
    }

    private func value(of block: Block) -> JSONValue {
        let samples = inOrder.filter { Block($0.at) == block && !$0.isEmpty }
        return ["figures": 1, "samples": .array(samples.map(\.value))]
    }

    /// The samples of a kept block; none where it cannot be read.
    static func samples(in bytes: [UInt8]) -> [Sample] {
        guard let root = try? JSONDocument(parsing: bytes).root, root["figures"]?.number?.int64 == 1
        else { return [] }
        return root["samples"]?.elements.prefix(sampleCount).compactMap { Sample($0) } ?? []
    }
}

extension FigureBook.Sample {
    /// One in which nothing happened.
    init(at time: Timestamp) {
        self.init(
            at: time,
            verdicts: ServerTally.Verdict.allCases.map { _ in 0 },
            asked: 0,
            median: nil,
            slowest: nil
        )
    }

    fileprivate var value: JSONValue {
        let figures = verdicts + [asked]
        return .array(
            [.init(at.milliseconds)] + figures.map { .init($0) }
                + [median, slowest].map { $0.map { .init($0) } ?? .null }
        )
    }

    fileprivate init?(_ node: JSONNode) {
        let parts = node.elements.map { $0 }
        let verdictCount = ServerTally.Verdict.allCases.count
        guard parts.count == verdictCount + 4, let time = parts[0].number?.int64 else { return nil }
        let counts = parts[1...verdictCount + 1].compactMap { part in
            part.number?.int64.flatMap { UInt64(exactly: $0) }
        }
        guard counts.count == verdictCount + 1 else { return nil }
        func bound(_ part: JSONNode) -> Int? { part.number?.int64.flatMap { Int(exactly: $0) } }
        self.init(
            at: Timestamp(milliseconds: time),
            verdicts: Array(counts.dropLast()),
            asked: counts[verdictCount],
            median: bound(parts[verdictCount + 2]),
            slowest: bound(parts[verdictCount + 3])
        )
    }
}
