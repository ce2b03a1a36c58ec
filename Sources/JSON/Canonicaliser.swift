/// Writes a value with sorted keys and one spelling for each string; numbers as it is told.
struct Canonicaliser {
    enum Numbers {
        /// RFC 8785: every number through the nearest double.
        case doubles
        /// The call form: exact (design law 2).
        case exact
    }

    /// A container that is being written.
    private struct Frame {
        let isObject: Bool
        /// The next element's index on the tape, or the next place in `order`.
        var at: Int
        /// Where `at` began: before the first one stands no comma.
        let first: Int
        let end: Int
        let orderStart: Int
    }

    private let numbers: Numbers
    private let tape: Tape
    private(set) var bytes: [UInt8] = []
    private var frames: [Frame] = []
    private var order: [Int] = []

    init(_ numbers: Numbers, of node: JSONNode) throws(CallFormError) {
        self.numbers = numbers
        tape = node.tape
        bytes.reserveCapacity(node.source.count + 16)
        try write(node.index)
        while let frame = frames.last {
            if frame.at == frame.end {
                bytes.append(frame.isObject ? 0x7d : 0x5d)
                order.removeLast(order.count - frame.orderStart)
                frames.removeLast()
                continue
            }
            if frame.at > frame.first { bytes.append(0x2c) }
            let next: Int
            if frame.isObject {
                let key = order[frame.at]
                string(JSONNode(tape: tape, index: key))
                bytes.append(0x3a)
                next = key + 1
                frames[frames.count - 1].at += 1
            } else {
                next = frame.at
                frames[frames.count - 1].at = Int(tape[next].link)
            }
            try write(next)
        }
    }

    private mutating func write(_ index: Int) throws(CallFormError) {
        let node = JSONNode(tape: tape, index: index)
        let entry = node.entry
        switch entry.kind {
        case .string: string(node)
        case .number: try number(node)
        case .true, .false, .null: bytes += node.source
        case .object:
            bytes.append(0x7b)
            let start = order.count
            sortKeys(of: node)
            frames.append(
                Frame(isObject: true, at: start, first: start, end: order.count, orderStart: start)
            )
        case .array:
            bytes.append(0x5b)
            let first = index + 1
            let end = Int(entry.link)
            frames.append(
                Frame(isObject: false, at: first, first: first, end: end, orderStart: order.count)
            )
        }
    }

    private mutating func string(_ node: JSONNode) {
        guard node.entry.isEscaped else {
            bytes += node.source
            return
        }
        unsafe Unescape.decode(node.content).withUnsafeBufferPointer {
            unsafe Escape.quote($0, into: &bytes)
        }
    }

    private mutating func number(_ node: JSONNode) throws(CallFormError) {
        guard let number = node.number else { return }
        let offset = Int(node.entry.start)
        switch numbers {
        case .exact: bytes += try number.callForm(offset: offset)
        case .doubles:
            guard let double = number.double else { throw .numberOutOfRange(offset: offset) }
            bytes += ECMAScriptNumber.text(of: double)
        }
    }

    /// Appends the key indices of an object to `order`, sorted as RFC 8785 section 3.2.3 asks.
    private mutating func sortKeys(of node: JSONNode) {
        let members = JSONMembers(of: node).nodes
        var keys = members.map { (bytes: $0.key.utf8 ?? [], index: $0.key.index) }
        keys.sort { UTF16Order.precedes($0.bytes, $1.bytes) }
        order += keys.map(\.index)
    }
}

/// UTF-8 compared as its UTF-16 code units would be.
enum UTF16Order {
    static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        for (leftByte, rightByte) in zip(left, right) where leftByte != rightByte {
            // UTF-8 sorts as code points do. Code units differ from that only where one side is
            // beyond U+FFFF (surrogates, 0xD800 up; lead byte from 0xF0) and the other in U+E000
            // to U+FFFF (lead bytes 0xEE and 0xEF).
            if leftByte >= 0xee, rightByte >= 0xee, (leftByte >= 0xf0) != (rightByte >= 0xf0) {
                return leftByte >= 0xf0
            }
            return leftByte < rightByte
        }
        return left.count < right.count
    }
}

/// The JSON Canonicalization Scheme.
package enum RFC8785 {
    /// The canonical bytes; numbers go through doubles, and one beyond their range is refused.
    package static func canonical(_ node: JSONNode) throws(CallFormError) -> [UInt8] {
        try Canonicaliser(.doubles, of: node).bytes
    }
}
