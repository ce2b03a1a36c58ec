internal import JSON

/// When two values are the same (2020-12 core 4.2.2): numbers by exact value, strings by code point,
/// objects in any order.
extension Validator {
    /// Whether the value is that constant.
    mutating func equals(_ place: JSONPlace, _ constant: Constant) -> Bool {
        equals(walk.node(place), constant)
    }

    private mutating func equals(_ value: JSONNode, _ constant: Constant) -> Bool {
        guard spend(1) else { return false }
        switch constant {
        case .null: return value.isNull
        case .bool(let flag): return value.bool == flag
        case .number(let number):
            guard value.kind == .number, spend(value.byteCount >> 3) else { return false }
            return value.number == number
        case .string(let bytes):
            guard value.kind == .string, spend(bytes.count >> 4) else { return false }
            return walk.withText(value.place) { Self.equals($0, bytes.span) }
        case .array(let elements):
            guard value.kind == .array, value.count == elements.count else { return false }
            for (element, constant) in zip(value.elements, elements)
            where !equals(element, constant) {
                return false
            }
            return true
        case .object(let members):
            guard value.kind == .object, value.count == members.count else { return false }
            for (key, member) in value.members.nodes {
                guard let place = place(of: key, in: members), equals(member, members[place].value)
                else { return false }
            }
            return true
        }
    }

    private mutating func place(
        of key: JSONNode,
        in members: [(key: [UInt8], value: Constant)]
    ) -> Int? {
        guard spend(2 + key.byteCount >> 3), let name = key.utf8 else { return nil }
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) >> 1
            if members[middle].key == name { return middle }
            if members[middle].key.lexicographicallyPrecedes(name) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return nil
    }

    private static func equals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for place in 0..<left.count where left[place] != right[place] { return false }
        return true
    }

    // MARK: distinct elements

    /// Whether no two elements are the same: by hash, so that the work is that of a sort.
    ///
    /// The hash is seeded per process; whoever finds a collision still pays from the work budget.
    mutating func areDistinct(_ place: JSONPlace) -> Bool {
        let array = walk.node(place)
        guard array.count > 1 else { return true }
        var elements: [(hash: Int, node: JSONNode)] = []
        elements.reserveCapacity(array.count)
        for element in array.elements {
            var hasher = Hasher()
            guard hash(element, into: &hasher) else { return false }
            elements.append((hasher.finalize(), element))
        }
        elements.sort { $0.hash < $1.hash }
        for place in 1..<elements.count {
            var other = place - 1
            while other >= 0, elements[other].hash == elements[place].hash {
                if areEqual(elements[other].node, elements[place].node) { return false }
                guard stop == nil else { return false }
                other -= 1
            }
        }
        return true
    }

    /// False when the budget is used up.
    private mutating func hash(_ value: JSONNode, into hasher: inout Hasher) -> Bool {
        guard spend(4 + value.ownByteCount >> 3) else { return false }
        hasher.combine(value.kind.rawValue)
        switch value.kind {
        case .null, .true, .false: break
        case .number:
            // Equal numbers go the same way here, because `int64` depends on the value alone.
            if let integer = walk.smallInteger(value.place) ?? value.number?.int64 {
                hasher.combine(integer)
            } else {
                hasher.combine(value.number)
            }
        case .string: hash(text: value, into: &hasher)
        case .array:
            hasher.combine(value.count)
            for element in value.elements {
                guard hash(element, into: &hasher) else { return false }
            }
        case .object:
            // A sum, so that the order of members does not matter.
            var sum = 0
            for (key, member) in value.members.nodes {
                var own = Hasher()
                hash(text: key, into: &own)
                guard hash(member, into: &own) else { return false }
                sum &+= own.finalize()
            }
            hasher.combine(value.count)
            hasher.combine(sum)
        }
        return true
    }

    private func hash(text: JSONNode, into hasher: inout Hasher) {
        walk.withText(text.place) { bytes in
            unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
            hasher.combine(bytes.count)
        }
    }

    private mutating func areEqual(_ left: JSONNode, _ right: JSONNode) -> Bool {
        guard left.kind == right.kind, spend(1 + left.ownByteCount >> 3) else { return false }
        switch left.kind {
        case .null, .true, .false: return true
        case .number: return left.number == right.number
        case .string:
            return walk.withText(left.place) { left in
                walk.withText(right.place) { Self.equals(left, $0) }
            }
        case .array:
            guard left.count == right.count else { return false }
            for (one, other) in zip(left.elements, right.elements) where !areEqual(one, other) {
                return false
            }
            return true
        case .object:
            guard left.count == right.count else { return false }
            for (key, member) in left.members.nodes {
                guard spend(right.count), let name = key.utf8,
                    let other = right.member(utf8: name), areEqual(member, other)
                else { return false }
            }
            return true
        }
    }
}

extension JSONNode {
    /// The source length of a scalar; a container's content counts for itself.
    fileprivate var ownByteCount: Int {
        kind == .object || kind == .array ? 0 : byteCount
    }
}
