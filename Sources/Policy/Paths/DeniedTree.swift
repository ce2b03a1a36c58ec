/// The denied paths as a walk through a tree asks for them, entry by entry.
///
/// Beside what floats, patterns that begin at the top hold for each name the tree's root has. A
/// pattern that the root itself lies below says nothing: that is the operator's own choice of a root.
package struct DeniedTree: Sendable {
    /// What a match can end with; cheap, and no for nearly every name.
    private let ends: DenyPaths
    private let floating: DenyPaths
    private let anchored: [(root: [UInt8], paths: DenyPaths)]

    package init(_ patterns: [DenyPath], roots: [String]) {
        ends = DenyPaths(patterns.compactMap(\.end))
        floating = DenyPaths(patterns.filter { !$0.isAnchored })
        let fixed = patterns.filter(\.isAnchored)
        anchored = roots.map { root in
            let bytes = Array(root.utf8)
            let rest = fixed.filter { DenyPaths([$0]).match(Self.oneLine(bytes)) == nil }
            return (bytes, DenyPaths(rest))
        }
    }

    /// Whether an entry is denied; the entries above it are not, or it would not be asked.
    ///
    /// - Parameter path: from the root of the tree on, without a slash before it.
    package func denies(name: [UInt8], path: [UInt8]) -> Bool {
        guard ends.match(Self.oneLine(name)) != nil else { return false }
        let path = Self.oneLine(path)
        if floating.match(path) != nil { return true }
        return anchored.contains { root, paths in
            !paths.patterns.isEmpty && paths.match(Self.oneLine(root) + [0x2f] + path) != nil
        }
    }

    /// A file may have a line break in its name, which no path in an argument has.
    private static func oneLine(_ path: [UInt8]) -> [UInt8] {
        guard path.contains(where: { $0 == 0x0a || $0 == 0x0d }) else { return path }
        return path.map { $0 == 0x0a || $0 == 0x0d ? 0x01 : $0 }
    }
}

extension DenyPath {
    /// What its matches end with, wherever that stands.
    fileprivate var end: DenyPath? {
        guard case .name(let glob)? = parts.last else { return nil }
        return try? DenyPath(String(decoding: glob.text, as: UTF8.self))
    }

    /// The one name it denies in every folder; nil where it denies more, or elsewhere.
    package var literalName: String? {
        guard !isAnchored, parts.count == 1, case .name(let glob)? = parts.first, glob.isExact
        else { return nil }
        return String(decoding: glob.text, as: UTF8.self)
    }
}
