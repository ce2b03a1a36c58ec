/// Why a name from outside was not taken.
package struct InvalidName: Error, Equatable, Sendable, CustomStringConvertible {
    package let kind: String
    package let spelling: String
    package let expected: String

    package init(kind: String, spelling: String, expected: String) {
        self.kind = kind
        self.spelling = spelling
        self.expected = expected
    }

    package var description: String {
        "\(kind) `\(printable(spelling))` is not usable; use \(expected)"
    }
}

/// Replaces what a terminal or a log could misread: controls, and all that is not ASCII.
package func printable(_ text: String, limit: Int = 128) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        if scalar.value >= 0x20, scalar.value < 0x7f {
            result.unicodeScalars.append(scalar)
        } else {
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}

/// Text of any language on one line: what would end the line or steer a terminal is escaped.
package func oneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: \.steersTerminal) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        if scalar.steersTerminal {
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

extension Unicode.Scalar {
    /// Whether a reader sees it, be it as a blank.
    fileprivate var isSeen: Bool {
        guard value >= 0x80 else { return value >= 0x20 && value != 0x7f }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return false
        default: return !properties.isDefaultIgnorableCodePoint
        }
    }

    /// Control characters, line and paragraph separators, marks that turn the direction of text.
    fileprivate var steersTerminal: Bool {
        switch value {
        case 0..<0x20, 0x7f...0x9f, 0x61c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }
}

/// A name of ours: 1 to 64 of `a-z 0-9 - _`, starting with a letter or digit.
///
/// Lower case only, so that two names never differ by case alone, and without a dot or a double
/// underscore, because `server.tool` and `server__tool` join names by those.
@usableFromInline
package protocol ShortName: Hashable, Sendable, Comparable, CustomStringConvertible {
    static var kind: String { get }
    var rawValue: String { get }
    init(unchecked: String)
}

extension ShortName {
    package init(_ spelling: String) throws(InvalidName) {
        guard isShortName(spelling.utf8.span) else {
            throw InvalidName(
                kind: Self.kind,
                spelling: spelling,
                expected: "1 to 64 of a-z, 0-9, `-` and single `_`, starting with a letter or digit"
            )
        }
        self.init(unchecked: spelling)
    }

    /// By the bytes of a request; nil for what is no such name.
    package init?(utf8 spelling: Span<UInt8>) {
        guard isShortName(spelling) else { return nil }
        self.init(unchecked: String(decoding: spelling))
    }

    package var description: String { rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Written out, as other modules reach what the compiler makes of it through a table only.
    @inlinable
    package static func == (left: Self, right: Self) -> Bool { left.rawValue == right.rawValue }
}

private func isShortName(_ bytes: Span<UInt8>) -> Bool {
    guard (1...64).contains(bytes.count), bytes[0] != 0x2d else { return false }
    // Begins as after an underscore: none may stand first, last or beside another.
    var before: UInt8 = 0x5f
    for place in bytes.indices {
        let byte = bytes[place]
        switch byte {
        case 0x61...0x7a, 0x30...0x39, 0x2d: break
        case 0x5f where before != 0x5f: break
        default: return false
        }
        before = byte
    }
    return before != 0x5f
}

/// Whose data and rules a call works with; it comes from the credential, never from a request.
package struct TenantID: ShortName {
    package static let kind = "tenant"
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
    /// The tenant of a configuration that names none.
    package static let main = TenantID(unchecked: "main")
}

/// The one environment of a gateway, such as `staging` or `production`.
package struct EnvironmentName: ShortName {
    package static let kind = "environment"
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}

/// An upstream server, by the name the operator gave it.
package struct ServerName: ShortName {
    package static let kind = "server"
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}

/// Who calls: the owner of a token, by the name the operator gave it.
package struct PrincipalName: ShortName {
    package static let kind = "principal"
    package let rawValue: String
    package init(unchecked: String) { rawValue = unchecked }
}

/// A tool by the name its server gives it; compared as bytes.
///
/// The specification recommends 1 to 128 of `A-Z a-z 0-9 _ - .` (2025-11-25, server/tools); other
/// names are kept as they are and only limited in length. Characters nobody sees (controls, marks of
/// direction, zero width) make no name: two tools would look like one to the person who approves.
package struct ToolName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String

    package init(_ spelling: String) throws(InvalidName) {
        let isUsable =
            (1...256).contains(spelling.utf8.count)
            && spelling.unicodeScalars.allSatisfy(\.isSeen)
        guard isUsable else {
            throw InvalidName(
                kind: "tool",
                spelling: spelling,
                expected: "1 to 256 bytes without control or invisible characters"
            )
        }
        rawValue = spelling
    }

    /// For a look among names that were checked: what is no name is found nowhere.
    package init(unchecked spelling: String) { rawValue = spelling }

    package var description: String { rawValue }

    package static func == (left: ToolName, right: ToolName) -> Bool {
        var (left, right) = (left.rawValue, right.rawValue)
        return left.withUTF8 { left in
            right.withUTF8 { right in
                unsafe left.count == right.count && left.elementsEqual(right)
            }
        }
    }

    package func hash(into hasher: inout Hasher) {
        var copy = rawValue
        copy.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    package static func < (left: ToolName, right: ToolName) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}

/// A tool and the server it belongs to, written `server.tool` in configuration and records.
package struct ToolReference: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let server: ServerName
    package let tool: ToolName

    package init(server: ServerName, tool: ToolName) {
        self.server = server
        self.tool = tool
    }

    /// Reads `server.tool`; the first dot separates.
    package init?(_ spelling: String) {
        guard let dot = spelling.utf8.firstIndex(of: 0x2e),
            let server = try? ServerName(String(spelling[..<dot])),
            let tool = try? ToolName(String(spelling[spelling.index(after: dot)...]))
        else { return nil }
        self.init(server: server, tool: tool)
    }

    package var description: String { "\(server.rawValue).\(tool.rawValue)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.server, left.tool) < (right.server, right.tool)
    }
}
