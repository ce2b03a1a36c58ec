package import Base

/// Which tools a rule or limit speaks about: `server.tool`, either part with `*` and `?`.
///
/// The first dot separates, because a server's name has none. `*` alone means every tool.
package struct ToolPattern: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    private let server: ByteGlob
    private let tool: ByteGlob

    package enum Problem: Error, Equatable, Sendable {
        case noDot
        case emptyPart
        case unsupported(Character)
        case badName(String)
    }

    package init(_ text: String) throws(Problem) {
        self.text = text
        for byte in text.utf8 where byte < 0x20 || byte == 0x7f || "[]{}\\!".utf8.contains(byte) {
            throw .unsupported(Character(UnicodeScalar(byte)))
        }
        if text == "*" {
            server = ByteGlob("*".utf8)
            tool = server
            return
        }
        guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { throw .noDot }
        server = ByteGlob(text.utf8[..<dot])
        tool = ByteGlob(text.utf8[text.utf8.index(after: dot)...])
        guard !server.text.isEmpty, !tool.text.isEmpty else { throw .emptyPart }
        guard isExact else { return }
        do throws(InvalidName) {
            _ = try ServerName(String(decoding: server.text, as: UTF8.self))
            _ = try ToolName(String(decoding: tool.text, as: UTF8.self))
        } catch {
            throw .badName(error.description)
        }
    }

    package var description: String { text }

    /// Whether it names exactly one tool.
    package var isExact: Bool { server.isExact && tool.isExact }

    /// The one tool it names; nil for a pattern.
    package var exactTool: ToolReference? {
        guard isExact, let server = exactServer,
            let tool = try? ToolName(String(decoding: tool.text, as: UTF8.self))
        else { return nil }
        return ToolReference(server: server, tool: tool)
    }

    /// The one server whose tools it names; nil when that part is a pattern.
    package var exactServer: ServerName? {
        guard server.isExact else { return nil }
        return try? ServerName(String(decoding: server.text, as: UTF8.self))
    }

    package func matches(_ reference: ToolReference) -> Bool {
        server.matches(Array(reference.server.rawValue.utf8))
            && tool.matches(Array(reference.tool.rawValue.utf8))
    }

    /// Whether every tool that `other` names is named by this too, as far as it is plain to see.
    package func covers(_ other: ToolPattern) -> Bool {
        Self.covers(server, other.server) && Self.covers(tool, other.tool)
    }

    private static func covers(_ wide: ByteGlob, _ narrow: ByteGlob) -> Bool {
        wide.isEverything || wide.text == narrow.text
            || (narrow.isExact && wide.matches(narrow.text))
    }
}

extension [ToolPattern] {
    package func matches(_ reference: ToolReference) -> Bool {
        contains { $0.matches(reference) }
    }

    /// Whether each pattern of `other` is covered by one of these.
    package func cover(_ other: [ToolPattern]) -> Bool {
        other.allSatisfy { narrow in contains { $0.covers(narrow) } }
    }
}
