/// A table of bounded size that knows which entry was used longest ago.
struct RecencyTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var key: Key
        var value: Value
        /// Which key it has, counted over the table's life.
        var turn: UInt64
        var newer: Int32
        var older: Int32
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
    private var turns: UInt64 = 0
    private var places: [Key: Int32] = [:]
    private var newest: Int32 = -1
    private var oldest: Int32 = -1

    init(capacity: Int) { self.capacity = max(1, min(capacity, Int(Int32.max))) }

    var count: Int { entries.count }

    /// Whether the entry still has the key it was found by.
    func holds(_ place: Place) -> Bool {
        Int(place.index) < entries.count && entries[Int(place.index)].turn == place.turn
    }

    /// Where the entry of that key is, if there is one.
    func find(_ key: Key) -> Place? {
        places[key].map { Place(index: $0, turn: entries[Int($0)].turn) }
    }

    /// Where the entry of that key is, made first if need be.
    ///
    /// When the table is full the entry used longest ago goes, if `mayForget` agrees; otherwise
    /// there is no place and nil comes back.
    mutating func place(
        of key: Key,
        initially value: @autoclosure () -> Value,
        mayForget: (Value) -> Bool
    ) -> Place? {
        if let index = places[key] {
            let place = Place(index: index, turn: entries[Int(index)].turn)
            touch(place)
            return place
        }
        let index: Int32
        if entries.count < capacity {
            index = Int32(entries.count)
            entries.append(Entry(key: key, value: value(), turn: 0, newer: -1, older: -1))
        } else {
            index = oldest
            guard index >= 0, mayForget(entries[Int(index)].value) else { return nil }
            places[entries[Int(index)].key] = nil
            unlink(index)
            entries[Int(index)].key = key
            entries[Int(index)].value = value()
        }
        turns += 1
        entries[Int(index)].turn = turns
        places[key] = index
        link(index)
        return Place(index: index, turn: turns)
    }

    /// Lets one more entry in than it could hold.
    mutating func widen() { capacity += 1 }

    subscript(place: Place) -> Value {
        get { entries[Int(place.index)].value }
        _modify { yield &entries[Int(place.index)].value }
    }

    /// Notes that it was used now.
    mutating func touch(_ place: Place) {
        guard place.index != newest else { return }
        unlink(place.index)
        link(place.index)
    }

    /// Makes it the first to go.
    mutating func retire(_ place: Place) {
        let index = place.index
        guard index != oldest else { return }
        unlink(index)
        entries[Int(index)].older = -1
        entries[Int(index)].newer = oldest
        if oldest >= 0 { entries[Int(oldest)].older = index }
        oldest = index
        if newest < 0 { newest = index }
    }

    private mutating func unlink(_ place: Int32) {
        let (newer, older) = (entries[Int(place)].newer, entries[Int(place)].older)
        if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
        if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
    }

    private mutating func link(_ place: Int32) {
        entries[Int(place)].newer = -1
        entries[Int(place)].older = newest
        if newest >= 0 { entries[Int(newest)].newer = place }
        newest = place
        if oldest < 0 { oldest = place }
    }
}
