/// A tape while it is written.
///
/// A plain value with everything inlined but growth, so that the count lives in a register.
@safe
struct TapeWriter {
    private(set) var tape: Tape
    private(set) var entries: UnsafeMutablePointer<TapeEntry>
    private(set) var count = 0
    private var capacity: Int
    private let limit: Int

    init(bytes: [UInt8], limit: Int) {
        // Calls and results have a value or key every 8 to 12 bytes.
        capacity = min(bytes.count / 8 + 16, limit)
        tape = Tape(bytes: bytes, capacity: capacity)
        unsafe entries = tape.entries
        self.limit = limit
    }

    /// `link` of an entry without content that is pushed next.
    @inline(__always)
    var next: UInt32 { UInt32(truncatingIfNeeded: count &+ 1) }

    @inline(__always)
    mutating func push(_ entry: TapeEntry) throws(JSONError) {
        if count == capacity {
            tape = try Self.grown(tape, count: count, limit: limit, offset: Int(entry.start))
            unsafe entries = tape.entries
            capacity = Self.grownCapacity(count, limit)
        }
        unsafe (entries + count).initialize(to: entry)
        count &+= 1
    }

    /// The tape with its end known.
    func sealed(_ indexes: [KeyIndex]) -> Tape {
        tape.seal(count: count, indexes: indexes)
        return tape
    }

    @inline(never)
    private static func grown(
        _ tape: Tape,
        count: Int,
        limit: Int,
        offset: Int
    ) throws(JSONError) -> Tape {
        guard count < limit else { throw .tooManyNodes(limit: limit, offset: offset) }
        let larger = Tape(bytes: tape.bytes, capacity: grownCapacity(count, limit))
        unsafe larger.entries.moveInitialize(from: tape.entries, count: count)
        return larger
    }

    private static func grownCapacity(_ count: Int, _ limit: Int) -> Int { min(count * 2, limit) }
}
