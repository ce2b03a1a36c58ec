package import JSON
package import Policy

/// A configuration text as strict JSON, with the place each value was written at.
///
/// YAML and JSON end in the same value, so that everything behind knows one form only.
package struct SourceText: Sendable {
    package let file: String
    package let document: JSONDocument
    private let positions: [JSONPointer: Position]

    package init(
        file: String,
        document: JSONDocument,
        positions: [JSONPointer: Position]
    ) {
        self.file = file
        self.document = document
        self.positions = positions
    }

    /// Where the value at `pointer` starts, or the nearest thing around it.
    package func position(_ pointer: JSONPointer) -> Position? {
        var tokens = pointer.tokens
        while true {
            if let found = positions[JSONPointer(tokens: tokens)] { return found }
            guard !tokens.isEmpty else { return nil }
            tokens.removeLast()
        }
    }

    static let interpolationProblem =
        "`${` is not read: nothing is interpolated; name a secret in `secrets` instead"

    /// Whether the tool that `pointer` leads into, if it does, is written here.
    func holdsTool(_ pointer: JSONPointer) -> Bool {
        let tokens = pointer.tokens
        let start = tokens.first?.text == "tenants" ? 2 : 0
        guard tokens.count > start + 1, tokens[start].text == "tools" else { return true }
        // Its scope may be the lock's though its other keys are not.
        let isScope = tokens.count > start + 2 && tokens[start + 2].text == "scope"
        let tool = JSONPointer(tokens: Array(tokens.prefix(start + (isScope ? 3 : 2))))
        return positions[tool] != nil
    }

    /// The largest file that is read.
    package static let byteCountLimit = 1 << 20

    /// Reads JSON when the first character that is not blank is `{`, else YAML.
    package init(file: String, bytes: [UInt8]) throws(ConfigurationError) {
        guard bytes.count <= Self.byteCountLimit else {
            throw ConfigurationError(
                file: file,
                position: nil,
                problem: "has \(bytes.count) bytes; at most \(Self.byteCountLimit) are read"
            )
        }
        let first = bytes.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
        if first == 0x7b {
            try self.init(file: file, json: bytes)
        } else {
            try self.init(file: file, yaml: bytes)
        }
    }

    private init(file: String, json bytes: [UInt8]) throws(ConfigurationError) {
        let lines = LineTable(bytes)
        do throws(JSONError) {
            document = try JSONDocument(
                parsing: bytes,
                limits: JSONLimits(byteCount: Self.byteCountLimit)
            )
        } catch {
            throw ConfigurationError(
                file: file,
                position: lines.position(of: error.offset),
                problem: "\(error)"
            )
        }
        self.file = file
        var found: [JSONPointer: Position] = [:]
        var waiting: [(JSONPointer, JSONNode)] = [(.root, document.root)]
        while let (pointer, node) = waiting.popLast() {
            let position = lines.position(of: node.source.startIndex)
            found[pointer] = position
            guard node.string?.contains("${") != true else {
                throw ConfigurationError(
                    file: file,
                    position: position,
                    problem: Self.interpolationProblem
                )
            }
            for (key, value) in node.members { waiting.append((pointer.appending(key), value)) }
            for (index, element) in node.elements.enumerated() {
                waiting.append((pointer.appending(index), element))
            }
        }
        positions = found
    }
}

/// Turns byte offsets into lines and columns.
private struct LineTable {
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        starts = [0] + bytes.indices.filter { bytes[$0] == 0x0a }.map { $0 + 1 }
    }

    func position(of offset: Int) -> Position {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return Position(line: low + 1, column: max(offset - starts[low], 0) + 1)
    }
}
