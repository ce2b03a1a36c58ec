/// Where the keys of one object of many keys stand, so that each is found in a few steps.
struct KeyIndex: Sendable {
    /// The object's index on the tape.
    let object: Int
    /// Tape indices of keys; in a table of hashes 0 stands for an empty place.
    let slots: [UInt32]
    /// Sorted by length and bytes, for keys chosen to collide; otherwise a table of hashes whose
    /// size is a power of two.
    let isSorted: Bool

    /// The key with these decoded bytes.
    func find(_ bytes: UnsafeBufferPointer<UInt8>, in tape: Tape) -> Int? {
        if isSorted { return unsafe search(bytes, in: tape) }
        let hash = unsafe KeyHash.of(bytes)
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let key = Int(slots[slot])
            if tape[key].link == hash, unsafe tape.hasContent(key, bytes) { return key }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func search(_ bytes: UnsafeBufferPointer<UInt8>, in tape: Tape) -> Int? {
        var low = 0
        var high = slots.count
        while low < high {
            let middle = (low + high) / 2
            let key = Int(slots[middle])
            let content = tape.content(key)
            if unsafe content.elementsEqual(bytes) { return key }
            let isBefore =
                content.count != bytes.count
                ? content.count < bytes.count : unsafe content.lexicographicallyPrecedes(bytes)
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}
