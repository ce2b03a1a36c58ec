/// One value of a document; a view that keeps the document alive.
package struct JSONNode: Sendable {
    let tape: Tape
    let index: Int

    @inline(__always)
    init(tape: Tape, index: Int) {
        self.tape = tape
        self.index = index
    }

    @inline(__always)
    var entry: TapeEntry { tape[index] }

    package var kind: JSONKind { entry.kind }

    /// The value of that member; nil when this is no object or has no such key.
    package subscript(key: StaticString) -> JSONNode? {
        guard key.hasPointerRepresentation else { return nil }
        return unsafe member(
            bytes: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        )
    }

    package func member(_ key: String) -> JSONNode? {
        var key = key
        return key.withUTF8 { unsafe member(bytes: $0) }
    }

    package func member(utf8 key: some Collection<UInt8>) -> JSONNode? {
        let found: JSONNode?? = key.withContiguousStorageIfAvailable {
            unsafe member(bytes: $0)
        }
        if let found { return found }
        return unsafe Array(key).withUnsafeBufferPointer { unsafe member(bytes: $0) }
    }

    /// The same by bytes that stand anywhere.
    package func member(utf8 key: Span<UInt8>) -> JSONNode? {
        unsafe key.withUnsafeBufferPointer { unsafe member(bytes: $0) }
    }

    private func member(bytes: UnsafeBufferPointer<UInt8>) -> JSONNode? {
        let object = entry
        guard object.kind == .object else { return nil }
        if object.count > KeyCheck.few, let keys = tape.keyIndex(of: index) {
            return unsafe keys.find(bytes, in: tape).map { JSONNode(tape: tape, index: $0 + 1) }
        }
        let hash = unsafe KeyHash.of(bytes)
        let end = Int(object.link)
        var key = index + 1
        while key < end {
            if tape[key].link == hash, unsafe tape.hasContent(key, bytes) {
                return JSONNode(tape: tape, index: key + 1)
            }
            key = Int(tape[key + 1].link)
        }
        return nil
    }

    /// Members of an object in source order; empty for anything else.
    package var members: JSONMembers { JSONMembers(of: self) }

    /// Elements of an array; empty for anything else.
    package var elements: JSONElements { JSONElements(of: self) }

    /// How many members or elements; 0 for scalars.
    package var count: Int { entry.count }

    /// The decoded text; nil when this is no string.
    package var string: String? {
        let entry = entry
        guard entry.kind == .string else { return nil }
        if entry.isEscaped { return String(decoding: Unescape.decode(content), as: UTF8.self) }
        return unsafe withContent { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The decoded bytes; nil when this is no string.
    package var utf8: [UInt8]? {
        let entry = entry
        guard entry.kind == .string else { return nil }
        return tape.content(index)
    }

    /// Whether this is a string of exactly that content, without allocating.
    package func isString(_ text: StaticString) -> Bool {
        guard entry.kind == .string, text.hasPointerRepresentation else { return false }
        return unsafe tape.hasContent(
            index,
            UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    /// The number as it was written; nil when this is none.
    package var number: JSONNumber? {
        guard entry.kind == .number else { return nil }
        return unsafe withContent { unsafe JSONNumber(accepted: $0) }
    }

    package var bool: Bool? {
        switch entry.kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    package var isNull: Bool { entry.kind == .null }

    /// The exact source bytes of this value, quotes and brackets included.
    package var source: ArraySlice<UInt8> {
        let entry = entry
        let margin = entry.kind == .string ? 1 : 0
        return tape.bytes[Int(entry.start) - margin..<Int(entry.end) + margin]
    }

    /// The bytes between start and end: of a string, what stands between its quotes.
    var content: ArraySlice<UInt8> {
        let entry = entry
        return tape.bytes[Int(entry.start)..<Int(entry.end)]
    }

    @inline(__always)
    func withContent<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let entry = entry
        return unsafe tape.bytes.withUnsafeBufferPointer { buffer in
            unsafe body(
                UnsafeBufferPointer(rebasing: buffer[Int(entry.start)..<Int(entry.end)])
            )
        }
    }
}

/// The members of an object, in source order.
package struct JSONMembers: Sequence, Sendable {
    package typealias Element = (key: JSONString, value: JSONNode)

    private let tape: Tape
    private let first: Int
    private let end: Int

    init(of node: JSONNode) {
        let entry = node.entry
        tape = node.tape
        first = node.index + 1
        end = entry.kind == .object ? Int(entry.link) : first
    }

    package func makeIterator() -> Iterator {
        Iterator(nodes: JSONMemberNodes.Iterator(tape: tape, at: first, end: end))
    }

    package struct Iterator: IteratorProtocol {
        var nodes: JSONMemberNodes.Iterator

        package mutating func next() -> Element? {
            guard let (key, value) = nodes.next() else { return nil }
            return (JSONString(key.string ?? ""), value)
        }
    }

    /// The same members with their keys as nodes, for who need not copy the keys.
    package var nodes: JSONMemberNodes { JSONMemberNodes(tape: tape, first: first, end: end) }
}

/// The members of an object with keys as views.
package struct JSONMemberNodes: Sequence, Sendable {
    package typealias Element = (key: JSONNode, value: JSONNode)

    let tape: Tape
    let first: Int
    let end: Int

    package func makeIterator() -> Iterator { Iterator(tape: tape, at: first, end: end) }

    package struct Iterator: IteratorProtocol {
        let tape: Tape
        var at: Int
        let end: Int

        package mutating func next() -> Element? {
            guard at < end else { return nil }
            let key = JSONNode(tape: tape, index: at)
            let value = JSONNode(tape: tape, index: at + 1)
            at = Int(value.entry.link)
            return (key, value)
        }
    }
}

/// The elements of an array, in source order.
package struct JSONElements: Sequence, Sendable {
    private let tape: Tape
    private let first: Int
    private let end: Int

    init(of node: JSONNode) {
        let entry = node.entry
        tape = node.tape
        first = node.index + 1
        end = entry.kind == .array ? Int(entry.link) : first
    }

    package func makeIterator() -> Iterator { Iterator(tape: tape, at: first, end: end) }

    package struct Iterator: IteratorProtocol {
        let tape: Tape
        var at: Int
        let end: Int

        package mutating func next() -> JSONNode? {
            guard at < end else { return nil }
            let node = JSONNode(tape: tape, index: at)
            at = Int(node.entry.link)
            return node
        }
    }
}
