/// One pattern of `deny_paths`, in gitignore syntax.
///
/// As far as it makes sense for a list that can only grow: `*` and `?` within a component, `**` for
/// any number of them, a leading slash for the top of the file system. Everything below a match is
/// denied too, so that a trailing slash says nothing more. Negation, classes and escapes are refused.
package struct DenyPath: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case name(ByteGlob)
        case any
    }

    /// How many stand in one list.
    package static let countLimit = PolicyReader.patternLimit

    package let text: String
    let parts: [Part]
    /// Whether it begins at the top of the file system.
    let isAnchored: Bool

    package enum Problem: Error, Equatable, Sendable {
        case empty, negated, parent, tooLong
        case unsupported(Character)
    }

    package init(_ text: String) throws(Problem) {
        self.text = text
        let bytes = Array(text.utf8)
        guard bytes.count <= 1024 else { throw .tooLong }
        if bytes.first == UInt8(ascii: "!") { throw .negated }
        for byte in bytes where byte < 0x20 || byte == 0x7f || "\\[]{}".utf8.contains(byte) {
            throw .unsupported(Character(UnicodeScalar(byte)))
        }
        if bytes.first == UInt8(ascii: "#") { throw .unsupported("#") }
        isAnchored = bytes.first == UInt8(ascii: "/")
        var parts: [Part] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) where part != [UInt8(ascii: ".")] {
            if part == Array("..".utf8)[...] { throw .parent }
            if part == Array("**".utf8)[...] {
                if parts.last != .any { parts.append(.any) }
            } else {
                var folded = PathFolding()
                folded.append(part)
                parts.append(.name(ByteGlob(folded.bytes)))
            }
        }
        // Any number of components before or after adds nothing: matches begin and end anywhere.
        while parts.last == .any { parts.removeLast() }
        if !isAnchored, parts.first == .any { parts.removeFirst() }
        guard !parts.isEmpty else { throw .empty }
        guard parts.count <= 32 else { throw .tooLong }
        self.parts = parts
    }

    /// What no tool is handed a path to, whatever the configuration says.
    package static let standard: [DenyPath] = [
        ".env", ".ssh/", ".aws/", ".git/config", "/etc/passwd",
    ].compactMap { try? DenyPath($0) }

    /// The first two bytes of what matches, in lower case; nil for any byte.
    var beginning: (first: UInt8?, second: UInt8?) {
        guard case .name(let glob)? = parts.first else { return (nil, nil) }
        return (glob.firstByte, glob.text.count == 1 ? nil : glob.secondByte)
    }

    enum Match {
        case yes, no
        /// What stands after a `**` is nowhere behind `start`, so that no later start matches.
        case never
    }

    /// Whether the pattern matches components from `start` on; what follows a match is denied too.
    func matches(_ text: Span<UInt8>, _ components: Components, from start: Int) -> Match {
        var part = 0
        var component = start
        var retryPart = -1
        var retryComponent = start
        while part < parts.count {
            switch parts[part] {
            case .any:
                retryPart = part
                retryComponent = component
                part += 1
                continue
            case .name(let glob):
                if component < components.count {
                    let range = components[component]
                    if glob.matches(text, from: range.lowerBound, to: range.upperBound) {
                        part += 1
                        component += 1
                        continue
                    }
                }
            }
            guard retryPart >= 0 else { return .no }
            guard retryComponent < components.count else { return .never }
            retryComponent += 1
            component = retryComponent
            part = retryPart + 1
        }
        return .yes
    }

    /// What is left of an anchored pattern below that folder; nil when it lies elsewhere.
    func tail(below root: ServerRoot) -> DenyPath? {
        guard isAnchored else { return nil }
        var rest = parts[...]
        for name in root.components {
            guard case .name(let glob)? = rest.first else { break }
            var folded = PathFolding()
            folded.append(name[...])
            guard glob.matches(folded.bytes) else { return nil }
            rest = rest.dropFirst()
        }
        // The whole root lies below the pattern: that is the operator's own choice of a root.
        guard !rest.isEmpty else { return nil }
        return DenyPath(text: text, parts: Array(rest), isAnchored: true)
    }

    private init(text: String, parts: [Part], isAnchored: Bool) {
        self.text = text
        self.parts = parts
        self.isAnchored = isAnchored
    }
}
