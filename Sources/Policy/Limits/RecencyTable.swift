/// A table of bounded size that knows which entry was used longest ago.
struct RecencyTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var key: Key
        var value: Value
        var newer: Int32
        var older: Int32
    }

    private let capacity: Int
    private var entries: [Entry] = []
    private var places: [Key: Int32] = [:]
    private var newest: Int32 = -1
    private var oldest: Int32 = -1

    init(capacity: Int) { self.capacity = max(1, min(capacity, Int(Int32.max))) }

    var count: Int { entries.count }

    /// Where the entry of that key is, made first if need be.
    ///
    /// When the table is full the entry used longest ago goes, if `mayForget` agrees; otherwise
    /// there is no place and nil comes back.
    mutating func place(
        of key: Key,
        initially value: @autoclosure () -> Value,
        mayForget: (Value) -> Bool
    ) -> Int? {
        if let place = places[key] {
            touch(place)
            return Int(place)
        }
        if entries.count < capacity {
            let place = Int32(entries.count)
            entries.append(Entry(key: key, value: value(), newer: -1, older: -1))
            places[key] = place
            link(place)
            return Int(place)
        }
        let place = oldest
        guard place >= 0, mayForget(entries[Int(place)].value) else { return nil }
        places[entries[Int(place)].key] = nil
        unlink(place)
        entries[Int(place)].key = key
        entries[Int(place)].value = value()
        places[key] = place
        link(place)
        return Int(place)
    }

    subscript(place: Int) -> Value {
        get { entries[place].value }
        _modify { yield &entries[place].value }
    }

    private mutating func touch(_ place: Int32) {
        guard place != newest else { return }
        unlink(place)
        link(place)
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
