import Base

/// A pattern over whole components of a path: `*` and `?` inside one, `**` for any number of them.
///
/// A `**` at the end stands for at least one component, elsewhere for none too, as in gitignore.
/// A relative pattern is joined to the root of the server it is used for.
package struct PathGlob: Hashable, Sendable {
    private enum Part: Hashable, Sendable {
        case name(ByteGlob)
        case any
    }

    package let text: String
    private let parts: [Part]
    private let isAbsolute: Bool
    /// With a slash before relative values are appended; `/` alone is empty.
    private let root: [UInt8]

    /// Why a text is no path glob.
    package enum Problem: Error, Equatable, Sendable {
        case empty
        case parent
        case unsupported(Character)
        case partialDoubleStar
        case tooLong
    }

    package init(_ text: String) throws(Problem) {
        self.text = text
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Components.pathByteCount else { throw .tooLong }
        for byte in bytes where byte < 0x20 || byte == 0x7f || "\\[]{}".utf8.contains(byte) {
            throw .unsupported(Character(UnicodeScalar(byte)))
        }
        isAbsolute = bytes.first == UInt8(ascii: "/")
        root = []
        var parts: [Part] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) where part != [UInt8(ascii: ".")] {
            guard part != Array("..".utf8)[...] else { throw .parent }
            if part == Array("**".utf8)[...] {
                if parts.last != .any { parts.append(.any) }
                continue
            }
            let glob = ByteGlob(part)
            guard !Self.hasDoubleStar(part) else { throw .partialDoubleStar }
            parts.append(.name(glob))
        }
        guard parts.count <= Components.capacity else { throw .tooLong }
        self.parts = parts
    }

    private init(text: String, parts: [Part], isAbsolute: Bool, root: [UInt8]) {
        self.text = text
        self.parts = parts
        self.isAbsolute = isAbsolute
        self.root = root
    }

    private static func hasDoubleStar(_ part: ArraySlice<UInt8>) -> Bool {
        zip(part, part.dropFirst()).contains { $0 == UInt8(ascii: "*") && $1 == $0 }
    }

    /// The same pattern as it stands for a server whose relative paths begin at `root`.
    package func rooted(at root: ServerRoot) -> PathGlob {
        let prefix: [Part] =
            isAbsolute ? [] : root.components.map { .name(ByteGlob(literal: $0)) }
        return PathGlob(
            text: text,
            parts: prefix + parts,
            isAbsolute: true,
            root: root.prefix
        )
    }

    /// Nil when the value cannot be read as one certain path, else whether the pattern covers it.
    package func matches(_ value: Span<UInt8>) -> Bool? {
        guard value.count > 0, value.count <= Components.pathByteCount else { return nil }
        guard value[0] == UInt8(ascii: "/") else {
            var joined = root
            joined.reserveCapacity(root.count + value.count + 1)
            joined.append(UInt8(ascii: "/"))
            guard Self.isCertain(value) else { return nil }
            for index in 0..<value.count { joined.append(value[index]) }
            return matchesAbsolute(joined.span)
        }
        guard Self.isCertain(value) else { return nil }
        return matchesAbsolute(value)
    }

    private func matchesAbsolute(_ value: Span<UInt8>) -> Bool? {
        guard value.count <= Components.pathByteCount else { return nil }
        var components = Components()
        var start = 0
        for index in 0...value.count where index == value.count || value[index] == UInt8(ascii: "/")
        {
            let count = index - start
            let isDot = count == 1 && value[start] == UInt8(ascii: ".")
            if count == 2, value[start] == UInt8(ascii: "."), value[start + 1] == UInt8(ascii: ".")
            {
                return nil
            }
            if count > 0, !isDot {
                guard components.append(start, index) else { return nil }
            }
            start = index + 1
        }
        return matches(value, components)
    }

    /// Iterative with one place to go back to: work is at most components times parts.
    private func matches(_ value: Span<UInt8>, _ components: Components) -> Bool {
        var part = 0
        var component = 0
        var retryPart = -1
        var retryComponent = 0
        while true {
            if part == parts.count {
                if component == components.count { return true }
            } else {
                switch parts[part] {
                case .any:
                    // A trailing `**` takes all that is left, if anything is.
                    if part == parts.count - 1 { return component < components.count }
                    retryPart = part
                    retryComponent = component
                    part += 1
                    continue
                case .name(let glob):
                    if component < components.count {
                        let range = components[component]
                        if glob.matches(value, from: range.lowerBound, to: range.upperBound) {
                            part += 1
                            component += 1
                            continue
                        }
                    }
                }
            }
            guard retryPart >= 0, retryComponent < components.count else { return false }
            retryComponent += 1
            component = retryComponent
            part = retryPart + 1
        }
    }

    /// Whether every server would read these bytes as the same path.
    ///
    /// Some decode percent signs, expand `~` and `$NAME`, take URIs or drive letters, trim blanks,
    /// fold wide letters, or treat a backslash as a separator; a value that has any of these is
    /// nobody's certain path.
    private static func isCertain(_ value: Span<UInt8>) -> Bool {
        if value[0] == UInt8(ascii: "~") || PathFolding.hidesStructure(value) { return false }
        var isScheme = true
        for index in 0..<value.count {
            let byte = value[index]
            if byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\\") { return false }
            if byte == UInt8(ascii: "%"), isEscape(value, at: index) { return false }
            if byte == UInt8(ascii: "$"), isVariable(value, at: index) { return false }
            if isScheme, byte == UInt8(ascii: ":") {
                if index == 1 { return false }  // a drive
                if index + 1 < value.count, value[index + 1] == UInt8(ascii: "/") { return false }
                if index == 4, isFile(value) { return false }
            }
            isScheme = isScheme && isSchemeByte(byte, first: index == 0)
        }
        return true
    }

    private static func isEscape(_ value: Span<UInt8>, at index: Int) -> Bool {
        guard index + 1 < value.count else { return false }
        let next = value[index + 1]
        if next | 0x20 == UInt8(ascii: "u") { return true }
        guard index + 2 < value.count else { return false }
        return Hex.value(of: next) != nil && Hex.value(of: value[index + 2]) != nil
    }

    /// `$NAME`, `${NAME}`, `$(command)`.
    private static func isVariable(_ value: Span<UInt8>, at index: Int) -> Bool {
        guard index + 1 < value.count else { return false }
        let next = value[index + 1]
        return (next | 0x20) &- 0x61 < 26 || "_{(".utf8.contains(next)
    }

    private static func isFile(_ value: Span<UInt8>) -> Bool {
        let file = Array("file".utf8)
        return (0..<4).allSatisfy { value[$0] | 0x20 == file[$0] }
    }

    /// RFC 3986 section 3.1.
    private static func isSchemeByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case 0x61...0x7a, 0x41...0x5a: true
        case 0x30...0x39, 0x2b, 0x2d, 0x2e: !first
        default: false
        }
    }
}

/// The folder a server resolves relative paths against, as the server sees it.
package struct ServerRoot: Hashable, Sendable {
    package let text: String
    let components: [[UInt8]]

    /// Nil unless the text is an absolute path without `..`, NUL or backslash.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.first == UInt8(ascii: "/"), bytes.count <= Components.pathByteCount / 2,
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") })
        else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
        guard !parts.contains(Array("..".utf8)[...]), parts.count <= Components.capacity / 2
        else { return nil }
        components = parts.map { Array($0) }
        self.text = text
    }

    private init() {
        text = "/"
        components = []
    }

    /// For servers that state none.
    package static let top = ServerRoot()

    /// The normalised folder without its last slash; empty for the top.
    var prefix: [UInt8] {
        components.reduce(into: []) { $0 += [UInt8(ascii: "/")] + $1 }
    }
}
