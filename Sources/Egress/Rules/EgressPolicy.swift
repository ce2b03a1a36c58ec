package import Base

// The one decision about a connection out of a cage, in steps that cannot be skipped: each makes
// what the next one asks for. Nothing here resolves, connects or reads a clock.

/// Where a server may connect to.
package struct EgressPolicy: Hashable, Sendable {
    package var rules: [EgressRule]

    package init(rules: [EgressRule] = []) { self.rules = rules }

    /// For who asks for a name's addresses before any connection is made: what some rule names,
    /// whatever the port.
    package func lookUp(_ host: WebHost) throws(EgressRefusal) -> AllowedTarget {
        let named = rules.filter { $0.covers(host) }
        let rule = named.first(where: \.namesOneHost) ?? named.first
        // No port is in a question; 443 is what a rule without one means.
        return try allow(EgressTarget(host: host, port: rule?.port ?? 443))
    }

    /// The rule for a target; before anything is looked up, so that no name leaks by asking for it.
    package func allow(_ target: EgressTarget) throws(EgressRefusal) -> AllowedTarget {
        if case .name(let name) = target.host, DomainName(name) == nil {
            throw .notUsable(target.description, reason: "it is no name DNS could hold")
        }
        let named = rules.filter { $0.covers(target.host) }
        let fitting = named.filter { $0.port == target.port }
        // What names the host itself holds over what names all below its parent.
        let own = fitting.filter(\.namesOneHost)
        if let rule = own.first ?? fitting.first {
            return AllowedTarget(target, rule, (own.isEmpty ? fitting : own).map(\.requests))
        }
        if !named.isEmpty { throw .portNotAllowed(target, allowed: named.map(\.port).sorted()) }
        if case .address = target.host { throw .addressLiteral(target) }
        throw .unknownHost(target)
    }
}

/// A target some rule names; only `EgressPolicy.allow` makes one.
package struct AllowedTarget: Hashable, Sendable {
    package let target: EgressTarget
    package let rule: EgressRule
    /// One of these has to take a request; nil: every request is taken.
    private let requests: [RequestRule]?

    fileprivate init(_ target: EgressTarget, _ rule: EgressRule, _ requests: [RequestRule?]) {
        self.target = target
        self.rule = rule
        self.requests = requests.contains(nil) ? nil : requests.compactMap(\.self)
    }

    /// Whether each request has to be looked at, so that TLS has to be ended here.
    package var limitsRequests: Bool { requests != nil }

    /// - Parameters:
    ///   - path: of the request line, from the root, its query included.
    ///   - fields: the names of its header fields, in lower case.
    package func check(
        method: String,
        path: ArraySlice<UInt8>,
        fields: some Sequence<String>
    ) throws(EgressRefusal) {
        guard let requests else { return }
        if requests.contains(where: { $0.permits(method: method, target: path) }),
            !fields.contains(where: RequestRule.misleadingFields.contains)
        {
            return
        }
        let shown = path.prefix { $0 != UInt8(ascii: "?") }.prefix(256)
        throw .requestNotAllowed(
            target,
            method: method,
            path: String(decoding: shown, as: UTF8.self)
        )
    }

    /// What is to be looked up; nil when the rule says the addresses.
    package var nameToResolve: String? {
        guard rule.fixedAddresses == nil, case .name(let name) = target.host else { return nil }
        return DomainName(name)?.text
    }

    /// Holds every address against the rule; one that is not allowed refuses them all, because a
    /// name with a good and a bad address is how a name is turned against its owner.
    ///
    /// - Parameter resolved: what the look-up gave; not asked for where the rule says the addresses.
    package func pin(_ resolved: [IPAddress]) throws(EgressRefusal) -> PinnedTarget {
        let addresses = rule.fixedAddresses ?? resolved
        guard !addresses.isEmpty else {
            throw .notResolved(target, reason: "no address was found")
        }
        for address in addresses {
            let reach = AddressReach(address)
            let isNamed: Bool =
                if case .address = rule.subject {
                    true
                } else {
                    rule.blocks.map { blocks in blocks.contains { $0.contains(address) } }
                        ?? (reach == .isPublic)
                }
            guard isNamed, reach != .unspecified, reach != .multicast else {
                throw .addressNotPublic(target, address, reach)
            }
        }
        return PinnedTarget(self, addresses)
    }
}

/// A target with the addresses it is connected by, and no others.
package struct PinnedTarget: Hashable, Sendable {
    package let allowed: AllowedTarget
    package let addresses: [IPAddress]

    fileprivate init(_ allowed: AllowedTarget, _ addresses: [IPAddress]) {
        self.allowed = allowed
        self.addresses = addresses
    }

    package var target: EgressTarget { allowed.target }

    /// Whether the greeting is for the server that was allowed.
    ///
    /// A name has to be said, in the open; an address cannot be (RFC 6066 section 3).
    package func check(_ hello: ClientHello) throws(EgressRefusal) {
        guard !hello.hidesServerName else {
            throw .wrongServerName(target, found: "an encrypted greeting")
        }
        switch (target.host, hello.serverName) {
        case (.address, nil): return
        case (.name(let name), let said?):
            guard let said = DomainName(Self.lower(said)), said == DomainName(name) else {
                throw .wrongServerName(target, found: said)
            }
        case (_, let said): throw .wrongServerName(target, found: said ?? "none")
        }
    }

    /// Whether a connection that was made leads where it was decided, and not to ourselves.
    ///
    /// `own` are the ports this gateway listens on; an address that is both ends of a connection is
    /// this machine's.
    package func check(
        peer: IPAddress,
        local: IPAddress,
        own: Set<UInt16>
    ) throws(EgressRefusal) {
        guard addresses.contains(peer) else {
            throw .unreachable(target, reason: "connected to \(peer), which was not decided on")
        }
        let isThisMachine = peer == local || AddressReach(peer) == .loopback
        guard !isThisMachine || !own.contains(target.port) else { throw .gatewayItself(target) }
    }

    private static func lower(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
