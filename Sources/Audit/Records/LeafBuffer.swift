/// Records as leaves, one behind the other, in room that is used again for the next ones.
package struct LeafBuffer: ~Copyable {
    /// Room that is kept, in bytes: of the records of an ordinary call, however long others are.
    private static let keptByteCount = 1 << 16

    private var writer = RecordWriter(capacity: 4096)
    /// Where each leaf ends.
    private var ends: [Int] = []

    package init() {}

    /// Puts these records in place of those before.
    package mutating func encode(_ records: [AuditRecord]) {
        writer.removeAll(keeping: Self.keptByteCount)
        ends.removeAll(keepingCapacity: true)
        for record in records {
            record.write(to: &writer)
            ends.append(writer.count)
        }
    }

    package func byteCount(of place: Int) -> Int { ends[place] - start(of: place) }

    /// The leaf of the record at that place.
    @_lifetime(borrow self)
    package func leaf(_ place: Int) -> Span<UInt8> {
        writer.span.extracting(start(of: place)..<ends[place])
    }

    private func start(of place: Int) -> Int { place == 0 ? 0 : ends[place - 1] }
}
