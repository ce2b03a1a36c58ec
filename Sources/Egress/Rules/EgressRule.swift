package import Base

/// One place a server may connect to, as the operator wrote it.
package struct EgressRule: Hashable, Sendable, CustomStringConvertible {
    package enum Subject: Hashable, Sendable {
        case name(String)
        /// `*.name`: one label more, no less and no further.
        case child(of: String)
        /// That address, asked for as an address.
        case address(IPAddress)
    }

    package let subject: Subject
    package let port: UInt16
    /// The addresses a name may have; nil: any that is public.
    package let blocks: [AddressRange]?
    /// The requests it takes; nil: whatever is sent, unseen where that is TLS.
    package let requests: RequestRule?

    package enum Problem: Error, Hashable, Sendable {
        case notAHost(String)
        case badAddresses(String)
        /// `*.com` would be most of the world.
        case tooWide(String)
        case requestsOfAddress(String)

        package var text: String {
            switch self {
            case .notAHost(let text):
                "`\(printable(text))` is no host; write `api.example.com`, `*.example.com`, "
                    + "`api.example.com:8443` or an address"
            case .badAddresses(let text):
                "`\(printable(text))` is no address or block of addresses such as `10.1.0.0/16`"
            case .requestsOfAddress(let text):
                "what is sent to the address `\(printable(text))` cannot be looked at: `methods` and "
                    + "`paths` need a name"
            case .tooWide(let text): "`\(printable(text))` is too wide; name at least two labels"
            }
        }
    }

    /// `host`, `*.host` or an address, with a port; 443 when there is none.
    package init(
        _ text: String,
        blocks: [AddressRange]? = nil,
        requests: RequestRule? = nil
    ) throws(Problem) {
        let bytes = Array(text.utf8)
        guard let (hostText, port) = EgressTarget.split(bytes[...]) else { throw .notAHost(text) }
        let isWide = hostText.starts(with: "*.".utf8)
        guard let host = try? WebHost(parsing: isWide ? hostText.dropFirst(2) : hostText) else {
            throw .notAHost(text)
        }
        self.port = port ?? 443
        self.blocks = blocks
        self.requests = requests
        switch host {
        case .address(let address):
            // Written in its one spelling, so that a reader sees what is allowed.
            // TLS to an address names nobody, so the gateway could not show a certificate for it.
            guard requests == nil else { throw .requestsOfAddress(text) }
            guard !isWide, blocks == nil, hostText.elementsEqual(host.description.utf8) else {
                throw .notAHost(text)
            }
            subject = .address(address)
        case .name(let name):
            guard let name = DomainName(name)?.text else { throw .notAHost(text) }
            guard !isWide || name.utf8.contains(UInt8(ascii: ".")) else { throw .tooWide(text) }
            subject = isWide ? .child(of: name) : .name(name)
        }
    }

    /// Whether the rule is for this host, whatever the port.
    func covers(_ host: WebHost) -> Bool {
        switch (subject, host) {
        case (.address(let own), .address(let address)): return own == address
        case (.name(let own), .name(let name)): return DomainName(name)?.text == own
        case (.child(let parent), .name(let name)):
            guard let name = DomainName(name)?.text, name.utf8.count > parent.utf8.count + 1,
                name.hasSuffix("." + parent)
            else { return false }
            return !name.utf8.dropLast(parent.utf8.count + 1).contains(UInt8(ascii: "."))
        default: return false
        }
    }

    /// Every address the name can have, when the rule says all of them: then nobody is asked.
    package var fixedAddresses: [IPAddress]? {
        switch subject {
        case .address(let address): return [address]
        case .name, .child:
            let singles = blocks?.compactMap(\.single)
            return singles?.count == blocks?.count ? singles : nil
        }
    }

    /// With the requests it takes, for people.
    package var words: String { requests.map { "\(description) \($0)" } ?? description }

    /// Whether it is for one host and not for all below a name.
    var namesOneHost: Bool {
        if case .child = subject { false } else { true }
    }

    /// As it is written in a configuration, always with the port.
    package var description: String {
        switch subject {
        case .name(let name): "\(name):\(port)"
        case .child(let name): "*.\(name):\(port)"
        case .address(let address): "\(WebHost.address(address)):\(port)"
        }
    }
}

/// A name DNS can hold: labels of letters, digits, hyphens and underscores, one trailing dot off.
package struct DomainName: Hashable, Sendable {
    package let text: String

    package init?(_ name: String) {
        var bytes = Array(name.utf8)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        guard (1...253).contains(bytes.count) else { return nil }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isUsable = labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                && label.last != UInt8(ascii: "-")
                && label.allSatisfy {
                    $0 &- 0x30 < 10 || $0 &- 0x61 < 26 || $0 == UInt8(ascii: "-")
                        || $0 == UInt8(ascii: "_")
                }
        }
        guard isUsable else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }
}
