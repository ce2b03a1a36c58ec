import Base
import JSON
import MCP
import Policy

/// Takes out of a result the names of denied paths, which a server may know from elsewhere than its
/// folders: an index, a repository, a remote disk.
///
/// Taken out are whole entries: values of a completion, blocks that link to a denied path, elements of
/// arrays and members of objects in structured content, and, where the tool lists, lines. The text of
/// a file is left as it is: whoever writes it back must not lose lines (decision 18).
struct DeniedNames {
    private let denied: DenyPaths
    private let isListing: Bool
    /// How many entries were taken out; for the record, not for the agent.
    private(set) var count = 0

    private static let lookByteCount = 16 << 10

    init(_ denied: DenyPaths, isListing: Bool) {
        self.denied = denied
        self.isListing = isListing
    }

    /// What became of a value.
    private enum Change {
        case same
        case gone
        case new([UInt8])

        var isSame: Bool { if case .same = self { true } else { false } }
    }

    /// The result of such a call without them; nil where it stays as it is.
    mutating func taken(from result: JSONNode, of kind: OfferKind) -> [UInt8]? {
        guard result.kind == .object else { return nil }
        // Most results are small and name nothing like it: one look at their bytes says so. A large one
        // is mostly the text of a file, which is not read here at all.
        if result.source.count <= Self.lookByteCount, !denied.mayMatch(anywhereIn: result.source) {
            return nil
        }
        let isStructured = result["structuredContent"] != nil
        var changes: [(key: JSONString, Change)] = []
        for (key, value) in result.members {
            let change: Change =
                switch (kind, key.text) {
                case (.tool, "content"):
                    items(value) { $0.block($1, readsJSON: isStructured) }
                case (.tool, "structuredContent"): self.value(value)
                case (.reading, "contents"): items(value) { $0.linked($1) }
                case (.prompt, "messages"): items(value) { $0.message($1) }
                case (.completion, "completion"): completion(value)
                default: .same
                }
            changes.append((key, change))
        }
        return Self.object(result, changes)
    }

    // MARK: Blocks

    private mutating func items(
        _ list: JSONNode,
        _ change: (inout Self, JSONNode) -> Change
    ) -> Change {
        guard list.kind == .array else { return .same }
        var changes: [Change] = []
        for item in list.elements { changes.append(change(&self, item)) }
        return Self.array(list, changes)
    }

    private mutating func linked(_ block: JSONNode) -> Change {
        for link in [block["uri"], block["resource"]?["uri"]] where names(link) { return gone() }
        return .same
    }

    private mutating func message(_ item: JSONNode) -> Change {
        guard let content = item["content"] else { return .same }
        return linked(content)
    }

    private mutating func block(_ block: JSONNode, readsJSON: Bool) -> Change {
        if !linked(block).isSame { return .gone }
        guard isListing || readsJSON, block["type"]?.isString("text") == true,
            let text = block["text"]?.utf8, let new = self.text(text)
        else { return .same }
        let changes = block.members.map { key, _ in
            (key: key, key.text == "text" ? Change.new(Self.token(new)) : .same)
        }
        return Self.object(block, changes).map { .new($0) } ?? .same
    }

    /// A text that is JSON is read as such: servers give structured content as a text, too.
    private mutating func text(_ text: [UInt8]) -> [UInt8]? {
        if let first = text.first(where: { $0 > 0x20 }), first == 0x7b || first == 0x5b,
            let document = try? JSONDocument(parsing: text, limits: .result)
        {
            if case .new(let bytes) = value(document.root) { return bytes }
            return nil
        }
        guard isListing else { return nil }
        let lines = text.split(separator: 0x0a, omittingEmptySubsequences: false)
        let kept = lines.filter { line in
            !ListingLine.paths(in: line).contains { denied.match(Array($0)) != nil }
        }
        guard kept.count < lines.count else { return nil }
        count += lines.count - kept.count
        return Array(kept.joined(separator: [0x0a]))
    }

    private mutating func completion(_ completion: JSONNode) -> Change {
        guard let values = completion["values"], values.kind == .array else { return .same }
        let before = count
        let change = items(values) { names, value in
            names.names(value) ? names.gone() : .same
        }
        guard case .new = change else { return .same }
        let removed = Int64(count - before)
        let changes = completion.members.map { key, value -> (key: JSONString, Change) in
            switch key.text {
            case "values": return (key, change)
            case "total":
                guard let total = value.number?.int64 else { return (key, .same) }
                return (key, .new(Array(String(max(0, total - removed)).utf8)))
            default: return (key, .same)
            }
        }
        return Self.object(completion, changes).map { .new($0) } ?? .same
    }

    // MARK: Values

    private mutating func value(_ node: JSONNode, inArray: Bool = false) -> Change {
        switch node.kind {
        case .string:
            guard names(node) else { return .same }
            guard !inArray else { return gone() }
            // A member that its schema asks for stays, and says nothing.
            count += 1
            return .new([0x22, 0x22])
        case .array:
            var changes: [Change] = []
            for element in node.elements { changes.append(value(element, inArray: true)) }
            return Self.array(node, changes)
        case .object:
            if inArray, node.members.contains(where: { names($0.value) }) { return gone() }
            var changes: [(key: JSONString, Change)] = []
            for (key, member) in node.members {
                let isNamed = names(utf8: Array(key.text.utf8))
                changes.append((key, isNamed ? gone() : value(member)))
            }
            return Self.object(node, changes).map { .new($0) } ?? .same
        default: return .same
        }
    }

    private mutating func gone() -> Change {
        count += 1
        return .gone
    }

    private func names(_ node: JSONNode?) -> Bool {
        guard let node, node.kind == .string, node.source.count <= 4098, let text = node.utf8
        else { return false }
        return names(utf8: text)
    }

    /// Whether a text is a denied path and nothing else: one with a blank is a sentence, unless it
    /// begins like a path.
    private func names(utf8 text: [UInt8]) -> Bool {
        guard let first = text.first else { return false }
        let begins =
            first == 0x2f || first == 0x5c || first == 0x7e || text.starts(with: [0x2e, 0x2f])
        guard begins || !text.contains(0x20) else { return false }
        return denied.match(text) != nil
    }

    // MARK: Writing

    private static func token(_ text: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.string(utf8: text)
        return writer.bytes
    }

    private static func array(_ node: JSONNode, _ changes: [Change]) -> Change {
        guard changes.contains(where: { !$0.isSame }) else { return .same }
        var writer = JSONWriter(reservingCapacity: node.source.count)
        writer.beginArray()
        for (element, change) in zip(node.elements, changes) {
            switch change {
            case .same: writer.node(element)
            case .gone: break
            case .new(let bytes): writer.raw(bytes)
            }
        }
        writer.endArray()
        return .new(writer.bytes)
    }

    private static func object(
        _ node: JSONNode,
        _ changes: [(key: JSONString, Change)]
    ) -> [UInt8]? {
        guard changes.contains(where: { !$0.1.isSame }) else { return nil }
        var writer = JSONWriter(reservingCapacity: node.source.count)
        writer.beginObject()
        for ((key, value), change) in zip(node.members, changes) {
            switch change.1 {
            case .same:
                writer.key(key)
                writer.node(value)
            case .gone: break
            case .new(let bytes):
                writer.key(key)
                writer.raw(bytes)
            }
        }
        writer.endObject()
        return writer.bytes
    }
}

/// What a line of a listing names, by the ways tools write them.
enum ListingLine {
    /// Words of a tool's name that say it lists.
    private static let words: Set<Substring> = [
        "list", "ls", "dir", "directory", "folder", "tree", "find", "search", "glob", "grep",
        "walk",
        "browse", "scan", "status", "files", "index", "entries", "paths",
    ]

    /// Whether a tool lists, by its name: `list_directory`, `git_status`, `searchFiles`.
    static func isListing(tool name: String) -> Bool {
        var text = ""
        var wasLower = false
        for character in name {
            if character.isUppercase, wasLower { text.append(" ") }
            wasLower = character.isLowercase
            text += character.isLetter ? character.lowercased() : " "
        }
        return text.split(separator: " ").contains { words.contains($0) }
    }

    /// The paths a line may be the entry of: after bullets, branches of a tree, tags and states; before
    /// the number of a line that was found; the last word of a long listing.
    static func paths(in line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var rest = line
        // Branches of a tree are beyond ASCII: box drawings, U+2500 to U+257F, and no-break blanks.
        while let byte = rest.first {
            if byte <= 0x20 || "-*+|`'\"".utf8.contains(byte) {
                rest = rest.dropFirst()
            } else if rest.starts(with: [0xe2, 0x94]) || rest.starts(with: [0xe2, 0x95]) {
                rest = rest.dropFirst(3)
            } else if rest.starts(with: [0xc2, 0xa0]) {
                rest = rest.dropFirst(2)
            } else {
                break
            }
        }
        while let last = rest.last, last <= 0x20 || "'\"`,;".utf8.contains(last) {
            rest.removeLast()
        }
        var paths = [rest]
        if rest.first == UInt8(ascii: "["), let end = rest.firstIndex(of: UInt8(ascii: "]")) {
            paths.append(rest[(end + 1)...].drop { $0 <= 0x20 })
        }
        if let end = rest.firstIndex(of: UInt8(ascii: ":")) { paths.append(rest[..<end]) }
        let parts = rest.split { $0 <= 0x20 }
        if let last = parts.last, let first = parts.first, parts.count > 1 {
            // `-rw-r--r-- … NAME` (its dash is gone), ` M NAME`, `new file: NAME`, `NAME -> TARGET`.
            if first.count >= 9 || first.count <= 2 || first.last == UInt8(ascii: ":")
                || parts.count == 3
            {
                paths.append(last)
            }
            if parts.contains(Array("->".utf8)[...]) { paths += parts }
        }
        return paths.filter { !$0.isEmpty }
    }
}
