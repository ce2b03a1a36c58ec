package import Base

/// Where a program meant to connect that knows of no proxy: the address it chose, and what its first
/// bytes say.
///
/// From here on its target is decided on like one of CONNECT.
package struct CapturedDestination: Hashable, Sendable {
    package let address: IPAddress
    package let port: UInt16
    /// What the address stands for; nil where the program did not have it from us.
    package let name: String?

    package init(_ address: IPAddress, port: UInt16, names: StandInAddresses) {
        self.address = address.unmapped
        self.port = port
        name = names.name(of: self.address)
    }

    /// As far as it can be said without having read anything.
    package var target: EgressTarget {
        EgressTarget(host: name.map { .name($0) } ?? .address(address), port: port)
    }

    /// Of a connection that begins with TLS: the greeting's name, which has to be the address's where
    /// that stands for one.
    package func target(greeting: ClientHello) throws(EgressRefusal) -> EgressTarget {
        guard let said = greeting.serverName else {
            guard name == nil else { throw .wrongServerName(target, found: "none") }
            return target
        }
        guard case .name(let found)? = try? WebHost(parsing: Array(said.utf8)[...]),
            name == nil || DomainName(found) == name.flatMap(DomainName.init)
        else { throw .wrongServerName(target, found: said) }
        return EgressTarget(host: .name(found), port: port)
    }

    /// Of a plain request: its Host field, which has to be what was looked up and connected to.
    package func target(hostField: ArraySlice<UInt8>) throws(EgressRefusal) -> EgressTarget {
        let shown = String(decoding: hostField.prefix(256), as: UTF8.self)
        guard let (text, written) = EgressTarget.split(hostField),
            let host = try? WebHost(parsing: text)
        else { throw .notUsable(shown, reason: "the Host field names no host") }
        guard written ?? 80 == port else { throw .wrongHost(target, found: shown) }
        switch host {
        case .address(let said):
            guard name == nil, said == address else { throw .wrongHost(target, found: shown) }
        case .name(let said):
            guard let said = DomainName(said), name == nil || said == name.flatMap(DomainName.init)
            else { throw .wrongHost(target, found: shown) }
        }
        return EgressTarget(host: host, port: port)
    }
}
