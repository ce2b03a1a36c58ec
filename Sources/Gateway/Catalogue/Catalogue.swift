import Policy
package import Base

/// Everything that is offered, of every tenant, as one immutable value that is swapped whole.
package struct Catalogue: Sendable {
    /// Grows with every change; cursors of another version are refused.
    package let version: UInt64
    package let tenants: [TenantID: [ServerName: ServerEntry]]

    package static let empty = Catalogue(version: 0, tenants: [:])

    package init(version: UInt64, tenants: [TenantID: [ServerName: ServerEntry]]) {
        self.version = version
        self.tenants = tenants
    }

    /// The tool an agent means, by the name its endpoint gives it.
    package func find(
        _ spelling: String,
        at endpoint: Endpoint,
        tenant: TenantID
    ) -> (ServerEntry, ToolEntry)? {
        guard let (server, name) = place(of: spelling, at: endpoint, tenant: tenant),
            let tool = server.tools[ToolName(unchecked: name)]
        else { return nil }
        return (server, tool)
    }

    /// Whose the name is, and what its server calls it; whether there is such a tool is another
    /// question.
    func place(
        of spelling: String,
        at endpoint: Endpoint,
        tenant: TenantID
    ) -> (ServerEntry, String)? {
        guard let servers = tenants[tenant] else { return nil }
        switch endpoint {
        case .server(let id): return servers[id].map { ($0, spelling) }
        case .all:
            guard let (prefix, rest) = Self.split(spelling),
                let entry = servers[ServerName(unchecked: prefix)]
            else { return nil }
            return (entry, rest)
        }
    }

    /// A tool by the operator's name for it.
    package func tool(_ reference: ToolReference, tenant: TenantID) -> ToolEntry? {
        tenants[tenant]?[reference.server]?.tools[reference.tool]
    }

    /// The name of a tool at the endpoint of all servers; no server's name holds `__`.
    package static func joined(_ server: ServerName, _ tool: ToolName) -> String {
        "\(server.rawValue)__\(tool.rawValue)"
    }

    static func split(_ spelling: String) -> (String, String)? {
        let bytes = spelling.utf8
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let next = bytes.index(after: index)
            if next < bytes.endIndex, bytes[index] == 0x5f, bytes[next] == 0x5f {
                return (
                    String(spelling[..<index]),
                    String(spelling[bytes.index(after: next)...])
                )
            }
            index = next
        }
        return nil
    }
}

extension Principal {
    /// Whether this credential may know of the tool at all; what it may not know is like missing.
    package func sees(_ tool: ToolEntry) -> Bool {
        tool.policy.isVisible && tool.policy.tier <= highestTier && sees(tool.reference)
    }

    package func sees(_ server: ServerName) -> Bool { servers?.contains(server) ?? true }

    /// Whether the credential itself lets the tool be known, whatever it turns out to be.
    func sees(_ reference: ToolReference) -> Bool {
        sees(reference.server) && (tools?.contains { $0.matches(reference) } ?? true)
    }
}

extension Door {
    /// Accepted instructions of the one server an endpoint stands for.
    package func instructions(for principal: Principal, at endpoint: Endpoint) -> String? {
        guard case .server(let name) = endpoint, principal.sees(name) else { return nil }
        return catalogue.tenants[principal.tenant]?[name]?.instructions
    }

    /// Whether the endpoint leads anywhere for this principal.
    package func reaches(_ endpoint: Endpoint, _ principal: Principal) -> Bool {
        switch endpoint {
        case .all: true
        case .server(let name):
            principal.sees(name) && catalogue.tenants[principal.tenant]?[name] != nil
        }
    }

    /// Takes over a new catalogue; calls that wait are judged under it before they are sent.
    package func replace(_ catalogue: Catalogue) {
        self.catalogue = catalogue
        generation &+= 1
        wakeEarlyCalls()
    }

    /// Says that tokens changed.
    package func noteCredentialsChanged() { generation &+= 1 }
}
