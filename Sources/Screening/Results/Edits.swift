/// Bytes that come in the place of others in a document.
struct Edit {
    let source: Range<Int>
    let bytes: [UInt8]
}

/// The edits of one document, in order and apart from one another.
struct Edits {
    private(set) var all: [Edit] = []

    var isEmpty: Bool { all.isEmpty }

    mutating func append(_ edit: Edit) { all.append(edit) }

    mutating func sort() { all.sort { $0.source.lowerBound < $1.source.lowerBound } }

    /// The slice with the edits that lie in it; its indices are the document's.
    func applied(to source: ArraySlice<UInt8>) -> [UInt8] {
        let first = firstIndex(from: source.startIndex)
        var end = first
        var byteCount = source.count
        while end < all.count, all[end].source.upperBound <= source.endIndex {
            byteCount += all[end].bytes.count - all[end].source.count
            end += 1
        }
        var result: [UInt8] = []
        result.reserveCapacity(byteCount)
        var position = source.startIndex
        for edit in all[first..<end] where edit.source.lowerBound >= position {
            result += source[position..<edit.source.lowerBound]
            result += edit.bytes
            position = edit.source.upperBound
        }
        result += source[position...]
        return result
    }

    /// These edits and `others`; where two overlap the one of `others` stands.
    func overridden(by others: [Edit]) -> Edits {
        guard !others.isEmpty else { return self }
        if all.isEmpty, Self.areApart(others) { return Edits(all: others) }
        var result = Edits()
        // Of two that overlap the wider one, which begins first, stands.
        var end = 0
        let others = others.sorted { left, right in
            (left.source.lowerBound, right.source.upperBound)
                < (right.source.lowerBound, left.source.upperBound)
        }.filter { edit in
            guard edit.source.lowerBound >= end else { return false }
            end = edit.source.upperBound
            return true
        }
        var next = others.startIndex
        for edit in all {
            while next < others.count, others[next].source.upperBound <= edit.source.lowerBound {
                result.append(others[next])
                next += 1
            }
            if next < others.count, others[next].source.overlaps(edit.source) { continue }
            result.append(edit)
        }
        for edit in others[next...] { result.append(edit) }
        return result
    }

    /// Whether they stand in order and none reaches into the next.
    private static func areApart(_ edits: [Edit]) -> Bool {
        var end = 0
        for edit in edits {
            guard edit.source.lowerBound >= end else { return false }
            end = edit.source.upperBound
        }
        return true
    }

    func touches(_ range: Range<Int>) -> Bool {
        let index = firstIndex(from: range.lowerBound)
        return index < all.count && all[index].source.lowerBound < range.upperBound
    }

    /// The replacement of exactly that token, when it has one.
    func replacement(of range: Range<Int>) -> [UInt8]? {
        let index = firstIndex(from: range.lowerBound)
        guard index < all.count, all[index].source == range else { return nil }
        return all[index].bytes
    }

    /// The first edit that begins at or after `position`, by halves.
    private func firstIndex(from position: Int) -> Int {
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].source.lowerBound < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
