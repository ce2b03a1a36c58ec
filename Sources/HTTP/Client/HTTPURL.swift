package import Base
import System

/// Where a server is: scheme, host and port.
package struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
    package let isSecure: Bool
    /// Lower case, without the brackets of an IPv6 address.
    package let host: String
    package let port: UInt16
    /// What stands in the Host field: the port only when it is not the scheme's own.
    package let authority: String
    /// The host, when it is an address and not a name.
    package var address: IPAddress? { IPAddress(host) }

    init(isSecure: Bool, host: String, port: UInt16) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        let name = host.utf8.contains(0x3A) ? "[\(host)]" : host
        authority = port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var description: String { (isSecure ? "https://" : "http://") + authority }
}

/// A text that is not a URL we connect to.
package struct HTTPURLError: Error, Equatable, Sendable, CustomStringConvertible {
    package let spelling: String
    package let reason: String
    package var description: String { "`\(spelling)` is no usable URL: \(reason)" }
}

/// An absolute `http` or `https` URL.
///
/// Stricter than browsers on purpose: what is compared with rules has one reading. No user part,
/// no fragment, no address in an odd spelling, no characters that would have to be repaired.
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
    package let origin: HTTPOrigin
    /// Path and query, beginning with `/`.
    package let target: String

    package var description: String { origin.description + target }

    package init(parsing spelling: String) throws(HTTPURLError) {
        func refuse(_ reason: String) -> HTTPURLError {
            HTTPURLError(spelling: spelling, reason: reason)
        }
        guard spelling.utf8.count <= 8192 else {
            throw HTTPURLError(
                spelling: String(spelling.prefix(64)),
                reason: "it is longer than 8192 bytes"
            )
        }
        guard let colon = spelling.firstRange(of: "://") else {
            throw refuse("write `https://host/path`")
        }
        let isSecure: Bool
        switch spelling[..<colon.lowerBound].lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: throw refuse("only https and http are spoken")
        }
        let rest = spelling[colon.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let place = Self.place(rest[..<end], isSecure: isSecure) else {
            throw refuse("the host is neither a name nor an address with an optional port")
        }
        origin = HTTPOrigin(isSecure: isSecure, host: place.host, port: place.port)
        let tail = rest[end...]
        target = tail.hasPrefix("/") ? String(tail) : "/" + tail
        guard Self.isTarget(target) else {
            throw refuse("path and query may hold the characters of RFC 3986, no fragment")
        }
    }

    private static func place(
        _ authority: Substring,
        isSecure: Bool
    ) -> (host: String, port: UInt16)? {
        var host = authority
        var port: UInt16 = isSecure ? 443 : 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = SocketAddress.port(authority[authority.index(after: colon)...]),
                number != 0
            else { return nil }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard let address = IPAddress(host.dropFirst().dropLast()), address.isVersion6 else {
                return nil
            }
            return (address.description, port)
        }
        let name = host.lowercased()
        if let address = IPAddress(name) { return address.isVersion6 ? nil : (name, port) }
        return SystemResolver.isHostName(name) ? (name, port) : nil
    }

    private static func isTarget(_ target: String) -> Bool {
        let bytes = Array(target.utf8)
        for (index, byte) in bytes.enumerated() {
            guard Bytes.isTarget(byte) else { return false }
            if byte == 0x25 {
                guard index + 2 < bytes.count, Bytes.hexValue(bytes[index + 1]) != nil,
                    Bytes.hexValue(bytes[index + 2]) != nil
                else { return false }
            }
        }
        return true
    }
}
