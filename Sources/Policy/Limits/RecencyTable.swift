/// A table of counts, of bounded size, that knows which entry was used longest ago.
struct RecencyTable<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var key: LimitKey
        var value: Value
    }

    /// An entry's neighbours; -1 for none.
    ///
    /// Apart from the entries, so that to note a use touches few lines of the processor's cache.
    private struct Links: Sendable {
        /// Which key the entry has, counted over the table's life.
        var turn: UInt64
        var newer: Int32
        var older: Int32
        /// The next entry of the same chain.
        var next: Int32
    }

    /// Where a key was found: worth remembering, because while it holds the key need not be hashed.
    struct Place: Sendable, Equatable {
        fileprivate let index: Int32
        fileprivate let turn: UInt64

        /// Of no key.
        static var nowhere: Place { Place(index: 0, turn: 0) }
    }

    private var capacity: Int
    private var entries: [Entry] = []
    private var links: [Links] = []
    /// The first entry of each chain of keys that fall together; a power of two of chains, as many
    /// as there are entries at least.
    private var chains: [Int32] = []
    /// Odd, and of this process: multiplied by it, no keys that a caller chose fall together more
    /// often than others (Dietzfelbinger et al., "A reliable randomized algorithm for the
    /// closest-pair problem", 1997).
    private let seed = UInt64(bitPattern: Int64(Hasher().finalize())) | 1
    private var turns: UInt64 = 0
    private var newest: Int32 = -1
    private var oldest: Int32 = -1

    init(capacity: Int) { self.capacity = max(1, min(capacity, Int(Int32.max))) }

    var count: Int { entries.count }

    /// Whether the entry still has the key it was found by.
    func holds(_ place: Place) -> Bool {
        Int(place.index) < links.count && links[Int(place.index)].turn == place.turn
    }

    /// Where the entry of that key is, if there is one.
    func find(_ key: LimitKey) -> Place? {
        guard !chains.isEmpty else { return nil }
        var index = chains[chain(of: key)]
        while index >= 0 {
            if entries[Int(index)].key == key {
                return Place(index: index, turn: links[Int(index)].turn)
            }
            index = links[Int(index)].next
        }
        return nil
    }

    /// Where the entry of that key is, made first if need be.
    ///
    /// When the table is full the entry used longest ago goes, if `mayForget` agrees; otherwise
    /// there is no place and nil comes back.
    mutating func place(
        of key: LimitKey,
        initially value: Value,
        mayForget: (Value) -> Bool
    ) -> Place? {
        if let place = find(key) {
            touch(place)
            return place
        }
        let index: Int32
        if entries.count < capacity {
            index = Int32(entries.count)
            entries.append(Entry(key: key, value: value))
            links.append(Links(turn: 0, newer: -1, older: -1, next: -1))
            if entries.count > chains.count { widenChains() } else { enchain(index) }
        } else {
            index = oldest
            guard index >= 0, mayForget(entries[Int(index)].value) else { return nil }
            unchain(index)
            unlink(index)
            entries[Int(index)] = Entry(key: key, value: value)
            enchain(index)
        }
        turns += 1
        links[Int(index)].turn = turns
        link(index)
        return Place(index: index, turn: turns)
    }

    /// Lets one more entry in than it could hold.
    mutating func widen() { capacity += 1 }

    subscript(place: Place) -> Value {
        get { entries[Int(place.index)].value }
        _modify { yield &entries[Int(place.index)].value }
    }

    // MARK: Order of use

    /// Notes that it was used now.
    mutating func touch(_ place: Place) {
        let (index, last) = (place.index, newest)
        guard index != last else { return }
        // It is not the newest, so that one is newer.
        let (newer, older) = (links[Int(index)].newer, links[Int(index)].older)
        newest = index
        if older < 0 { oldest = newer }
        var links = links.mutableSpan
        links[Int(newer)].older = older
        if older >= 0 { links[Int(older)].newer = newer }
        links[Int(index)].newer = -1
        links[Int(index)].older = last
        links[Int(last)].newer = index
    }

    /// Makes it the first to go.
    mutating func retire(_ place: Place) {
        let index = place.index
        guard index != oldest else { return }
        unlink(index)
        links[Int(index)].older = -1
        links[Int(index)].newer = oldest
        if oldest >= 0 { links[Int(oldest)].older = index }
        oldest = index
        if newest < 0 { newest = index }
    }

    private mutating func unlink(_ index: Int32) {
        let (newer, older) = (links[Int(index)].newer, links[Int(index)].older)
        if newer < 0 { newest = older }
        if older < 0 { oldest = newer }
        var links = links.mutableSpan
        if newer >= 0 { links[Int(newer)].older = older }
        if older >= 0 { links[Int(older)].newer = newer }
    }

    private mutating func link(_ index: Int32) {
        let last = newest
        newest = index
        if oldest < 0 { oldest = index }
        var links = links.mutableSpan
        links[Int(index)].newer = -1
        links[Int(index)].older = last
        if last >= 0 { links[Int(last)].newer = index }
    }

    // MARK: Chains

    private func chain(of key: LimitKey) -> Int {
        // The upper bits, which all bits of the key reach.
        let shift = UInt64.bitWidth - chains.count.trailingZeroBitCount
        return Int(truncatingIfNeeded: (key.spread &* seed) &>> UInt64(shift))
    }

    private mutating func enchain(_ index: Int32) {
        let chain = chain(of: entries[Int(index)].key)
        links[Int(index)].next = chains[chain]
        chains[chain] = index
    }

    private mutating func unchain(_ index: Int32) {
        let chain = chain(of: entries[Int(index)].key)
        let next = links[Int(index)].next
        guard chains[chain] != index else {
            chains[chain] = next
            return
        }
        var before = chains[chain]
        while links[Int(before)].next != index { before = links[Int(before)].next }
        links[Int(before)].next = next
    }

    private mutating func widenChains() {
        chains = Array(repeating: -1, count: max(16, chains.count * 2))
        for index in links.indices { enchain(Int32(index)) }
    }
}
