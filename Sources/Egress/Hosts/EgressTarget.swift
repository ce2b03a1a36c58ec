/// Where a request wants to go: a host and a port.
package struct EgressTarget: Hashable, Sendable, CustomStringConvertible {
    package let host: WebHost
    package let port: UInt16

    package init(host: WebHost, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String { "\(host):\(port)" }

    /// The target of CONNECT: `host:port`, the port written (RFC 9110 section 9.3.6).
    package init(authority text: ArraySlice<UInt8>) throws(EgressRefusal) {
        guard text.count <= 512, let (host, port) = Self.split(text), let port else {
            throw .notUsable(Self.shown(text), reason: "write `host:port`")
        }
        self.init(host: try Self.host(host), port: port)
    }

    /// The target of a plain request to a proxy: an absolute `http` URL (RFC 9112 section 3.2.2).
    ///
    /// A user part, a backslash or a blank makes parsers differ, so none is taken. `path` is what
    /// follows the authority, at least `/`.
    package static func absolute(
        _ text: ArraySlice<UInt8>
    ) throws(EgressRefusal) -> (target: EgressTarget, path: [UInt8]) {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
            throw .notUsable(shown(text), reason: "a proxy is asked with an absolute URL")
        }
        let scheme = text[..<colon].map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        guard scheme.elementsEqual("http".utf8) else {
            throw .notUsable(shown(text), reason: "only http goes so, https by CONNECT")
        }
        let rest = text[(colon + 1)...]
        guard rest.starts(with: "//".utf8),
            rest.allSatisfy({ (0x21..<0x7f).contains($0) && $0 != UInt8(ascii: "\\") })
        else { throw .notUsable(shown(text), reason: "it is no plain http URL") }
        let authority = rest.dropFirst(2).prefix { byte in
            byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
        }
        let path = rest[authority.endIndex...]
        guard !authority.contains(UInt8(ascii: "@")), !path.contains(UInt8(ascii: "#")),
            let (host, port) = split(authority)
        else { throw .notUsable(shown(text), reason: "no user, fragment or odd port may be in it") }
        let target = EgressTarget(host: try Self.host(host), port: port ?? 80)
        let isRooted = path.first == UInt8(ascii: "/")
        return (target, isRooted ? Array(path) : [UInt8(ascii: "/")] + path)
    }

    private static func host(_ text: ArraySlice<UInt8>) throws(EgressRefusal) -> WebHost {
        do throws(WebHost.Problem) {
            return try WebHost(parsing: text)
        } catch {
            throw .notUsable(shown(text), reason: error.text)
        }
    }

    /// Host and port; the port nil where none is written, all of it nil where it is no number.
    package static func split(
        _ text: ArraySlice<UInt8>
    ) -> (host: ArraySlice<UInt8>, port: UInt16?)? {
        let afterBracket = text.lastIndex(of: UInt8(ascii: "]")) ?? text.startIndex
        guard let colon = text[afterBracket...].firstIndex(of: UInt8(ascii: ":")) else {
            return (text, nil)
        }
        let digits = text[(colon + 1)...]
        guard (1...5).contains(digits.count), digits.allSatisfy({ $0 &- 0x30 < 10 }),
            let port = UInt16(String(decoding: digits, as: UTF8.self)), port > 0
        else { return nil }
        return (text[..<colon], port)
    }

    private static func shown(_ text: ArraySlice<UInt8>) -> String {
        String(decoding: text.prefix(256), as: UTF8.self)
    }
}

extension WebHost.Problem {
    var text: String {
        switch self {
        case .empty: "it has no host"
        case .notASCII: "the host is not ASCII; names are written in A-labels (xn--…)"
        case .forbidden: "the host holds what no host may hold"
        case .badAddress: "the host ends in a number and is no address"
        }
    }
}
