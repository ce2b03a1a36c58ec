package import Base
import CLinux

/// A text that names no address we can listen on or connect to.
package struct InvalidAddress: Error, Equatable, Sendable, CustomStringConvertible {
    package let spelling: String
    package var description: String {
        "`\(spelling)` is no address; write `127.0.0.1:8930` or `[::1]:8930`"
    }
}

/// Where a stream leads: an IP address and a port, or a path of the file system.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(IPAddress, port: UInt16)
    /// Empty for the connecting side, which has no name.
    case unix(path: String)

    /// Reads `ADDRESS:PORT` with a literal address; IPv6 in brackets.
    ///
    /// Names are not looked up here.
    package init(parsing spelling: String) throws(InvalidAddress) {
        guard let colon = spelling.lastIndex(of: ":") else {
            throw InvalidAddress(spelling: spelling)
        }
        var host = spelling[..<colon]
        let isBracketed = host.first == "[" && host.last == "]" && host.count > 2
        if isBracketed { host = host.dropFirst().dropLast() }
        guard
            let port = Self.port(spelling[spelling.index(after: colon)...]),
            let address = IPAddress(host),
            isBracketed == address.isVersion6
        else { throw InvalidAddress(spelling: spelling) }
        self = .ip(address, port: port)
    }

    /// Decimal digits only, without a sign or needless zeros, at most 65535.
    package static func port(_ text: some StringProtocol) -> UInt16? {
        let digits = text.utf8
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            digits.count == 1 || digits.first != 0x30
        else { return nil }
        return UInt16(text)
    }

    init(_ address: cgate_address) {
        self =
            address.family == UInt32(CGATE_UNIX)
            ? .unix(path: "") : .ip(IPAddress(address), port: address.port)
    }

    /// Whether only processes of this machine can reach it.
    package var isLoopback: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .unix: true
        }
    }

    package var port: UInt16? {
        guard case .ip(_, let port) = self else { return nil }
        return port
    }

    package var description: String {
        switch self {
        case .ip(let address, let port):
            address.isVersion6 ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension IPAddress {
    init(_ address: cgate_address) {
        if address.family == UInt32(CGATE_IPV4) {
            self = .v4(UInt32(truncatingIfNeeded: address.low))
        } else {
            self = .v6(high: address.high, low: address.low)
        }
    }

    func encoded(port: UInt16) -> cgate_address {
        var address = cgate_address()
        address.port = port
        switch self {
        case .v4(let bits):
            address.family = UInt32(CGATE_IPV4)
            address.low = UInt64(bits)
        case .v6(let high, let low):
            address.family = UInt32(CGATE_IPV6)
            address.high = high
            address.low = low
        }
        return address
    }
}

/// Who is at the other end of a unix socket, as the kernel saw it when the connection was made.
package struct PeerCredentials: Hashable, Sendable {
    package let processID: Int32
    package let userID: UInt32
    package let groupID: UInt32
}
