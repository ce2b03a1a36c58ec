import JSON

/// The strings of one JSON value as one text, and where each came from.
///
/// Secrets are looked for in this text: a key and its value stand side by side as `key:value`,
/// and a key split over an array of lines is one text again.
struct ValueText {
    struct Segment {
        enum Kind { case key, string, number, binary }

        let kind: Kind
        /// Where its content stands in `text`.
        let text: Range<Int>
        /// The whole token in the document, quotes included.
        let source: Range<Int>
    }

    private(set) var text: [UInt8]
    private(set) var segments: [Segment] = []
    /// Of each Base64 member: its token and the block it is in.
    private(set) var binaries: [(token: JSONNode, block: JSONNode)] = []

    /// Values this short are searched as they are: one copy and no walk, if nothing is escaped.
    static let plainByteCount = 64 << 10

    /// Whether neither escapes nor Base64 members hide anything in the value's own bytes.
    static func isPlain(_ node: JSONNode) -> Bool {
        node.sourceRange.count <= plainByteCount && node.isPlain(without: binaryWords)
    }

    /// The key `isBinary` looks for, and what tells blocks with `data` from other values.
    private static let binaryWords: [StaticString] = ["blob", "image", "audio"]

    /// The decoded strings, in order, with a line break after each.
    init(decoding node: JSONNode) {
        text = []
        text.reserveCapacity(node.source.count)
        walk(node, base: nil, binary: false)
    }

    /// Only the segments of `plain` bytes, for when something was found in them.
    init(plain bytes: [UInt8], of node: JSONNode) {
        text = bytes
        walk(node, base: node.source.startIndex, binary: false)
    }

    private mutating func walk(_ node: JSONNode, base: Int?, binary: Bool) {
        switch node.kind {
        case .object:
            for (key, value) in node.members.nodes {
                add(key, .key, base: base, terminator: 0x3a)
                let isBinary = Self.isBinary(key, of: node)
                if isBinary, value.kind == .string { binaries.append((value, node)) }
                walk(value, base: base, binary: isBinary)
            }
        case .array:
            for element in node.elements { walk(element, base: base, binary: false) }
        case .string: add(node, binary ? .binary : .string, base: base, terminator: 0x0a)
        case .number where node.source.count >= KnownSecret.leastByteCount:
            add(node, .number, base: base, terminator: 0x0a)
        default: break
        }
    }

    private mutating func add(
        _ node: JSONNode,
        _ kind: Segment.Kind,
        base: Int?,
        terminator: UInt8
    ) {
        let source = node.source
        let content = kind == .number ? source : source.dropFirst().dropLast()
        if let base {
            let range = content.startIndex - base..<content.endIndex - base
            segments.append(Segment(kind: kind, text: range, source: source.indices))
            return
        }
        let start = text.count
        // Base64 is not text; known secrets are looked for in it separately.
        if kind != .binary {
            appendDecoded(content, of: node)
        }
        segments.append(Segment(kind: kind, text: start..<text.count, source: source.indices))
        text.append(terminator)
    }

    /// Most escapes are two bytes long; a string with any other is decoded by its node.
    private mutating func appendDecoded(_ content: ArraySlice<UInt8>, of node: JSONNode) {
        let start = text.count
        var plain = content.startIndex
        while let escape = EscapeSearch.backslash(
            in: content.span,
            from: plain - content.startIndex
        )
        .map({ content.startIndex + $0 }) {
            text += content[plain..<escape]
            plain = escape + 2
            let byte: UInt8
            switch plain <= content.endIndex ? content[escape + 1] : 0 {
            case 0x6e: byte = 0x0a
            case 0x74: byte = 0x09
            case 0x72: byte = 0x0d
            case 0x62: byte = 0x08
            case 0x66: byte = 0x0c
            case 0x22: byte = 0x22
            case 0x2f: byte = 0x2f
            case 0x5c: byte = 0x5c
            default:
                text.removeSubrange(start...)
                text += node.utf8 ?? []
                return
            }
            text.append(byte)
        }
        text += content[plain...]
    }

    /// `data` of an image or audio block, `blob` of an embedded resource.
    private static func isBinary(_ key: JSONNode, of object: JSONNode) -> Bool {
        if key.isString("data") {
            return object["type"].map { $0.isString("image") || $0.isString("audio") } ?? false
        }
        return key.isString("blob") && object["uri"] != nil
    }
}
