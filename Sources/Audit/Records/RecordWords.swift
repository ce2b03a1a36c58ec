import JSON

/// What a full-text index is given of a record, as bytes; the buffers are used again for the next.
package struct RecordWords: Sendable {
    /// Kind, tenant, call, principal, server and tool: what a search narrows by.
    package private(set) var fields: [UInt8] = []
    /// Every text the record says in its detail; digests are left out, nobody searches by them.
    package private(set) var text: [UInt8] = []
    /// RFC 3339, as written.
    package private(set) var time: [UInt8] = []

    package init() {}

    /// Reads the next record; everything is empty for what is not a record of this format.
    package mutating func read(leaf: [UInt8]) {
        fields.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        time.removeAll(keepingCapacity: true)
        guard let document = try? JSONDocument(parsing: leaf, limits: .result) else { return }
        for (key, value) in document.root.members.nodes {
            if key.isString("detail") {
                Self.collect(value, into: &text)
            } else if key.isString("time") {
                Self.append(value, to: &time)
            } else if key.isString("environment") || key.isString("run") {
                continue
            } else {
                Self.append(value, to: &fields)
            }
        }
    }

    private static func collect(_ node: JSONNode, into words: inout [UInt8]) {
        switch node.kind {
        case .string: append(node, to: &words)
        case .array: for element in node.elements { collect(element, into: &words) }
        case .object: for member in node.members.nodes { collect(member.value, into: &words) }
        case .number, .true, .false, .null: break
        }
    }

    private static func append(_ node: JSONNode, to words: inout [UInt8]) {
        guard node.kind == .string else { return }
        let content = node.source.dropFirst().dropLast()
        guard !isDigest(content) else { return }
        if !words.isEmpty { words.append(0x20) }
        if content.contains(0x5c) {
            words += node.utf8 ?? []
        } else {
            words += content
        }
    }

    private static func isDigest(_ text: ArraySlice<UInt8>) -> Bool {
        text.count == 64
            && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
