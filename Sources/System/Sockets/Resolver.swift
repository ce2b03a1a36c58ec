package import Base
import CLinux

/// Why a name has no address.
package struct ResolveError: Error, Equatable, Sendable, CustomStringConvertible {
    package let name: String
    package let reason: String

    package init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    package var description: String { "`\(name)` has no address: \(reason)" }
}

/// What turns a host name into addresses; a value that is passed in, so that tests and egress rules
/// decide what is asked of the network.
package protocol Resolver: Sendable {
    /// All addresses in the order to try them; never empty.
    ///
    /// A literal address is not a name: callers read those themselves, and a resolver refuses
    /// them in every spelling getaddrinfo would take for one.
    func resolve(_ name: String) async throws(ResolveError) -> [IPAddress]
}

/// The system's resolver, on the threads of a pool because it blocks.
package struct SystemResolver: Resolver {
    private static let addressLimit = 32
    private let pool: BlockingPool

    package init(pool: BlockingPool) { self.pool = pool }

    package func resolve(_ name: String) async throws(ResolveError) -> [IPAddress] {
        guard Self.isHostName(name) else {
            throw ResolveError(name: name, reason: "it is not a host name")
        }
        do {
            return try await pool.run { try Self.lookUp(name) }
        } catch let error as ResolveError {
            throw error
        } catch {
            throw ResolveError(name: name, reason: "\(error)")
        }
    }

    /// RFC 1123 labels, and a last label that is not numeric: getaddrinfo takes `2852039166`,
    /// `0xa9fea9fe` and `127.1` for addresses.
    package static func isHostName(_ name: String) -> Bool {
        var labels = name.utf8.split(separator: 0x2e, omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard (1...253).contains(name.utf8.count), let last = labels.last else { return false }
        let isAllLabels = labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != 0x2d && label.last != 0x2d
                && label.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
                    default: false
                    }
                }
        }
        let isNumeric = last.first.map { (0x30...0x39).contains($0) } ?? true
        return isAllLabels && !isNumeric
    }

    private static func lookUp(_ name: String) throws(ResolveError) -> [IPAddress] {
        var found = [cgate_address](repeating: cgate_address(), count: addressLimit)
        let count = unsafe cgate_resolve(name, &found, CInt(addressLimit))
        if count < -1000 {
            let text = unsafe String(cString: cgate_resolve_text(count + 1000))
            throw ResolveError(name: name, reason: text)
        }
        if count < 0 {
            let error = SystemError(call: "getaddrinfo", code: -count)
            throw ResolveError(name: name, reason: error.description)
        }
        guard count > 0 else { throw ResolveError(name: name, reason: "no address was found") }
        return found.prefix(Int(count)).map { IPAddress($0) }
    }
}
