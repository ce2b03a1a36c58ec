import Base
import HTTP
import JSON
import Policy

/// Globs, denied paths and host patterns against values, beside readers written for this alone.
///
/// An input is a pattern, a byte 0, a value and perhaps a byte 0 and a root.
enum PathFuzz {
    static func check(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            .map { Array($0) }
        let pattern = text(parts[0])
        let value = parts.count > 1 ? parts[1] : []
        let root = parts.count > 2 ? ServerRoot(text(parts[2])) ?? .top : .top
        glob(pattern, value, root)
        host(pattern, value)
        tool(pattern)
        denied(pattern, value, root)
        denied(bytes)
    }

    // MARK: globs

    private static func glob(_ pattern: String, _ value: [UInt8], _ root: ServerRoot) {
        guard let glob = try? PathGlob(pattern) else { return }
        let answer = glob.rooted(at: root).matches(value.span)
        let components = value.split(separator: 0x2f).filter { $0 != [0x2e] }
        if components.contains(Array("..".utf8)[...]) || value.contains(0x5c) || value.isEmpty {
            expect(answer == nil, "`..` and backslashes are nobody's certain path")
        }
        guard let answer, pattern.utf8.count <= 256, value.count <= 512 else { return }
        var parts = pattern.utf8.split(separator: 0x2f).filter { $0.elementsEqual([0x2e]) == false }
            .map { Array($0) }
        if pattern.utf8.first != 0x2f {
            let above = root.text.utf8.split(separator: 0x2f).filter { !$0.elementsEqual([0x2e]) }
            parts = above.map { Array($0) } + parts
        }
        var path = components.map { Array($0) }
        if value.first != 0x2f {
            let above = root.text.utf8.split(separator: 0x2f).filter { !$0.elementsEqual([0x2e]) }
            path = above.map { Array($0) } + path
        }
        // The root's own names are literal; a root with stars is not compared.
        guard !root.text.contains("*"), !root.text.contains("?") else { return }
        expect(answer == covers(parts, path), "a glob covers what its parts cover")
    }

    /// Whether a list of parts covers a list of names, by a table of all pairs.
    private static func covers(_ parts: [[UInt8]], _ names: [[UInt8]]) -> Bool {
        let any = Array("**".utf8)
        // reached[n]: the parts so far can cover the first n names.
        var reached = [Bool](repeating: false, count: names.count + 1)
        reached[0] = true
        for (place, part) in parts.enumerated() {
            var next = [Bool](repeating: false, count: names.count + 1)
            for count in 0...names.count {
                if part == any {
                    let isLast = parts[place...].allSatisfy { $0 == any }
                    next[count] =
                        (!isLast && reached[count])
                        || (count > 0 && (next[count - 1] || reached[count - 1]))
                } else if count > 0 {
                    next[count] = reached[count - 1] && fits(part, names[count - 1])
                }
            }
            reached = next
            if part == any, parts[place...].allSatisfy({ $0 == any }) {
                return reached[names.count]
            }
        }
        return reached[names.count]
    }

    /// `*` for any bytes, `?` for one character, by the same kind of table.
    private static func fits(_ glob: [UInt8], _ name: [UInt8]) -> Bool {
        var reached = [Bool](repeating: false, count: name.count + 1)
        reached[0] = true
        for byte in glob {
            var next = [Bool](repeating: false, count: name.count + 1)
            for count in 0...name.count {
                switch byte {
                case 0x2a: next[count] = reached[count] || (count > 0 && next[count - 1])
                case 0x3f:
                    guard reached[count], count < name.count else { continue }
                    var end = count + 1
                    while end < name.count, name[end] & 0xc0 == 0x80 { end += 1 }
                    next[end] = true
                default:
                    if count > 0 { next[count] = reached[count - 1] && name[count - 1] == byte }
                }
            }
            reached = next
        }
        return reached[name.count]
    }

    // MARK: hosts and tools

    private static func host(_ pattern: String, _ value: [UInt8]) {
        guard let host = try? HostPattern(pattern), host.matches(value) == true else { return }
        let isURL = text(value.prefix(8)).lowercased().hasPrefix("http")
        guard isURL, let url = try? HTTPURL(parsing: text(value)) else { return }
        let name =
            url.origin.host.hasSuffix(".") ? url.origin.host.dropLast() : url.origin.host[...]
        var wanted = pattern.lowercased()
        if let colon = wanted.lastIndex(of: ":"), !wanted.hasSuffix("]") {
            wanted = String(wanted[..<colon])
        }
        if wanted.hasSuffix(".") { wanted.removeLast() }
        // Addresses of version 6 have several spellings; the second reader writes its own.
        guard !wanted.hasPrefix("[") else { return }
        expect(
            wanted.hasPrefix("*.") ? name.hasSuffix(wanted.dropFirst()) : name == wanted,
            "a second reader of URLs finds an accepted host: \(name)"
        )
    }

    private static func tool(_ text: String) {
        guard let pattern = try? ToolPattern(text) else { return }
        expect(pattern.covers(pattern), "a pattern covers itself")
        expect((try? ToolPattern(pattern.text)) == pattern, "a pattern written is itself")
        if let tool = pattern.exactTool {
            expect(pattern.matches(tool), "a pattern that names one tool names that tool")
        }
    }

    // MARK: denied paths

    /// A denied name after any beginning of one line is found, in a string and in a call form.
    private static func denied(_ beginning: [UInt8]) {
        let paths = DenyPaths(DenyPath.standard)
        guard beginning.count < 4000,
            !beginning.contains(where: { $0 == 10 || $0 == 13 })
        else { return }
        for separator in ["/", "\\", "\u{2215}"] {
            let path = beginning + Array("\(separator).SSH\(separator)id_rsa".utf8)
            // A percent sign would take the separator into an escape.
            guard beginning.last != 0x25, beginning.dropLast().last != 0x25 else { continue }
            expect(paths.match(path) != nil, "a denied name is found after any beginning")
            guard let string = String(validating: path, as: UTF8.self) else { continue }
            var writer = JSONWriter()
            writer.beginArray()
            writer.string(string)
            writer.endArray()
            guard let document = try? JSONDocument(parsing: writer.bytes),
                let form = try? CallForm(document.root)
            else { return expect(false, "a string has a call form") }
            expect(paths.firstMatch(in: form.bytes) != nil, "and in a call form")
        }
    }

    private static func denied(_ pattern: String, _ value: [UInt8], _ root: ServerRoot) {
        guard let deny = try? DenyPath(pattern) else { return }
        let paths = DenyPaths([deny], root: root)
        let more = DenyPaths(DenyPath.standard + [deny], root: root)
        let isDenied = paths.match(value) != nil
        if isDenied { expect(more.match(value) != nil, "a longer list denies no less") }
        let upper = value.map { $0 &- 0x61 < 26 ? $0 - 0x20 : $0 }
        // Upper case turns `%u` and hexadecimal digits into what they are as well.
        expect((paths.match(upper) != nil) == isDenied, "case makes no difference")
        guard let string = String(validating: value, as: UTF8.self) else { return }
        var writer = JSONWriter()
        writer.string(string)
        guard let document = try? JSONDocument(parsing: writer.bytes),
            let form = try? CallForm(document.root)
        else { return }
        expect(
            (paths.firstMatch(in: form.bytes) != nil) == isDenied,
            "the fast look through a call form finds what the careful one finds"
        )
    }
}
