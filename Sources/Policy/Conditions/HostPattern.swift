/// A host name, or `*.` and the name all accepted hosts lie under; perhaps with a port.
package struct HostPattern: Hashable, Sendable {
    package let text: String
    private let labels: [UInt8]
    private let isWildcard: Bool
    private let port: UInt16?

    package enum Problem: Error, Equatable, Sendable {
        case notAHost
    }

    package init(_ text: String) throws(Problem) {
        self.text = text
        var rest = Array(text.utf8)[...]
        isWildcard = rest.starts(with: "*.".utf8)
        if isWildcard { rest = rest.dropFirst(2) }
        guard let (host, port) = Self.hostAndPort(rest) else { throw .notAHost }
        labels = host
        self.port = port
        // `*.com` would be most of the world.
        guard !isWildcard || (host.contains(UInt8(ascii: ".")) && host.first != UInt8(ascii: "["))
        else { throw .notAHost }
    }

    /// Nil when the value does not name one certain host; a port that nobody wrote down and that
    /// is not the scheme's own makes it uncertain too.
    package func matches(_ value: [UInt8]) -> Bool? {
        guard let target = Self.target(of: value) else { return nil }
        let isHost =
            isWildcard
            ? target.host.count > labels.count + 1
                && target.host.reversed().starts(with: labels.reversed())
                && target.host[target.host.count - labels.count - 1] == UInt8(ascii: ".")
            : target.host == labels
        guard isHost else { return false }
        if let port { return (target.port ?? target.schemePort) == port }
        return target.port == nil || target.port == target.schemePort ? true : nil
    }

    private struct Target {
        let host: [UInt8]
        let port: UInt16?
        let schemePort: UInt16?
    }

    private static let schemes: [(name: String, port: UInt16)] = [
        ("https://", 443), ("http://", 80), ("wss://", 443), ("ws://", 80),
    ]

    /// Reads a URL of the web, or a bare `host` or `host:port`.
    ///
    /// URL parsers differ on user names, backslashes, percent signs, tabs and text that is not
    /// ASCII; a value with any of these before the path names no certain host.
    private static func target(of value: [UInt8]) -> Target? {
        guard value.count <= 8192, value.allSatisfy({ (0x21..<0x7f).contains($0) && $0 != 0x5c })
        else { return nil }
        let lower = value.prefix(8).map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        guard let scheme = schemes.first(where: { lower.starts(with: $0.name.utf8) }) else {
            guard let (host, port) = hostAndPort(value[...]) else { return nil }
            return Target(host: host, port: port, schemePort: nil)
        }
        let rest = value.dropFirst(scheme.name.utf8.count)
        let beforePath = rest.prefix { $0 != UInt8(ascii: "/") }
        guard !beforePath.contains(UInt8(ascii: "@")) else { return nil }
        let authority = beforePath.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard let (host, port) = hostAndPort(authority) else { return nil }
        return Target(host: host, port: port, schemePort: scheme.port)
    }

    /// Lower-case letters, without one trailing dot; nil for what is no plain host.
    private static func hostAndPort(_ text: ArraySlice<UInt8>) -> ([UInt8], UInt16?)? {
        var host = text
        var port: UInt16?
        let afterBracket = text.lastIndex(of: UInt8(ascii: "]")) ?? text.startIndex
        if let colon = text[afterBracket...].lastIndex(of: UInt8(ascii: ":")) {
            let digits = text[(colon + 1)...]
            guard (1...5).contains(digits.count), digits.allSatisfy({ $0 &- 0x30 < 10 }),
                let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
            else { return nil }
            port = number
            host = text[..<colon]
        }
        let lower = host.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        if lower.first == UInt8(ascii: "[") {
            return isAddress6(lower) ? (lower, port) : nil
        }
        let name = lower.last == UInt8(ascii: ".") ? Array(lower.dropLast()) : lower
        guard (1...253).contains(name.count), isPlainName(name) else { return nil }
        return (name, port)
    }

    /// Only the shape: the value must equal what the operator wrote, byte for byte.
    private static func isAddress6(_ text: [UInt8]) -> Bool {
        text.last == UInt8(ascii: "]") && text.count > 3
            && text.dropFirst().dropLast().allSatisfy {
                $0 &- 0x30 < 10 || (0x61...0x66).contains($0) || $0 == UInt8(ascii: ":")
            }
    }

    /// Letters, digits, hyphens and underscores in labels; a last label that begins with a digit
    /// must be part of four plain decimal numbers, because `0x7f.1` is an address to some.
    private static func isPlainName(_ name: [UInt8]) -> Bool {
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isPlain = labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                && label.allSatisfy {
                    $0 &- 0x30 < 10 || $0 &- 0x61 < 26 || $0 == UInt8(ascii: "-")
                        || $0 == UInt8(ascii: "_")
                }
        }
        guard isPlain, let last = labels.last, let first = last.first else { return false }
        guard first &- 0x30 < 10 else { return true }
        return labels.count == 4
            && labels.allSatisfy { label in
                label.allSatisfy { $0 &- 0x30 < 10 } && label.count <= 3
                    && (label.first != UInt8(ascii: "0") || label.count == 1)
                    && UInt8(String(decoding: label, as: UTF8.self)) != nil
            }
    }
}
