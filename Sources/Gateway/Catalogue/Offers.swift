import Base
import JSON
package import MCP
import Policy

/// How agents name what belongs to one server: as it is at that server's endpoint, with the
/// server's name at the endpoint of all.
enum Naming {
    private static let scheme = "gatehouse:"

    /// A resource's URI at the endpoint of all servers: `gatehouse:docs:file:///a.txt`.
    ///
    /// Opaque to clients, as every URI is; the server's name cannot hold a colon.
    static func joined(_ server: ServerName, uri: String) -> String {
        "\(scheme)\(server.rawValue):\(uri)"
    }

    static func split(uri: String) -> (server: String, uri: String)? {
        guard uri.hasPrefix(scheme) else { return nil }
        let rest = uri.dropFirst(scheme.count)
        guard let colon = rest.utf8.firstIndex(of: 0x3a) else { return nil }
        return (String(rest[..<colon]), String(rest[rest.utf8.index(after: colon)...]))
    }

    /// What an agent calls one of that kind there.
    static func name(
        _ definition: ToolDefinition,
        of server: ServerName,
        at endpoint: Endpoint
    )
        -> String
    {
        guard endpoint == .all else { return definition.wireName }
        switch definition.kind {
        case .resource, .template: return joined(server, uri: definition.wireName)
        case .tool, .prompt, .reading, .completion, .sampling, .roots:
            return "\(server.rawValue)__\(definition.wireName)"
        }
    }
}

/// What one agent sees in a list.
package struct OfferView: Sendable {
    package struct Item: Sendable {
        package let name: String
        package let definition: ToolDefinition
        /// Whether a person accepted its words.
        package let isAccepted: Bool
    }

    package let version: UInt64
    package let items: [Item]
    /// Servers that could not be reached, each with a short reason.
    package let absent: [String]
}

extension Door {
    /// What this principal sees of that kind, in a fixed order.
    package func offers(
        _ kind: OfferKind,
        for principal: Principal,
        at endpoint: Endpoint
    ) -> OfferView {
        var items: [OfferView.Item] = []
        var absent: [String] = []
        for server in servers(at: endpoint, for: principal) {
            if let absence = server.absence { absent.append("\(server.name): \(absence)") }
            for (definition, isAccepted) in seen(kind, of: server, by: principal) {
                items.append(
                    OfferView.Item(
                        name: Naming.name(definition, of: server.name, at: endpoint),
                        definition: definition,
                        isAccepted: isAccepted
                    )
                )
            }
        }
        return OfferView(version: catalogue.version, items: items, absent: absent)
    }

    /// What this principal may use at that endpoint, beside tools.
    package func capabilities(
        for principal: Principal,
        at endpoint: Endpoint
    ) -> Opening.Capabilities {
        var found = Opening.Capabilities()
        for server in servers(at: endpoint, for: principal) {
            let kinds = Set(
                server.tools.values.lazy.filter { principal.sees($0) }.map { $0.kind }
            ).union(server.promised)
            found.prompts = found.prompts || kinds.contains(.prompt)
            found.resources = found.resources || kinds.contains(.reading)
            found.completions = found.completions || kinds.contains(.completion)
            found.subscriptions =
                found.subscriptions || (server.facts.subscribes && kinds.contains(.reading))
            found.logging = found.logging || server.facts.logs
        }
        return found
    }

    /// What tells one view of a list from another.
    func imprint(of kind: OfferKind, for principal: Principal, at endpoint: Endpoint) -> Int {
        var hasher = Hasher()
        let kinds: [OfferKind] = kind == .resource ? [.resource, .template] : [kind]
        for kind in kinds {
            for item in offers(kind, for: principal, at: endpoint).items {
                hasher.combine(item.name)
                hasher.combine(item.definition.node.source)
            }
        }
        return hasher.finalize()
    }

    /// The resource an agent means, where it may hear of its changes: where it may read it without
    /// asking anybody.
    func subscribable(
        _ uri: String,
        for principal: Principal,
        at endpoint: Endpoint
    ) -> ResourceKey? {
        let own: String
        let name: ServerName
        switch endpoint {
        case .server(let server): (name, own) = (server, uri)
        case .all:
            guard let (prefix, rest) = Naming.split(uri: uri),
                let server = try? ServerName(prefix)
            else { return nil }
            (name, own) = (server, rest)
        }
        guard uri.utf8.count <= 4096,
            let server = catalogue.tenants[principal.tenant]?[name], server.facts.subscribes,
            let reading = server.reading, principal.sees(reading),
            let form = try? CallForm.reading(own),
            case .allow = reading.policy.judge(form).outcome
        else { return nil }
        return ResourceKey(tenant: principal.tenant, server: name, uri: own)
    }

    func client(of key: ResourceKey) -> MCPClient? {
        catalogue.tenants[key.tenant]?[key.server]?.client
    }

    /// The servers at that endpoint that write log messages.
    func logging(for principal: Principal, at endpoint: Endpoint) -> [MCPClient] {
        servers(at: endpoint, for: principal).filter(\.facts.logs).map(\.client)
    }

    private func servers(at endpoint: Endpoint, for principal: Principal) -> [ServerEntry] {
        let servers = catalogue.tenants[principal.tenant] ?? [:]
        let chosen: [ServerEntry] =
            switch endpoint {
            case .server(let name): servers[name].map { [$0] } ?? []
            case .all: servers.values.sorted { $0.name < $1.name }
            }
        return chosen.filter { principal.sees($0.name) }
    }

    private func seen(
        _ kind: OfferKind,
        of server: ServerEntry,
        by principal: Principal
    ) -> [(ToolDefinition, Bool)] {
        guard kind != .resource, kind != .template else {
            guard let reading = server.reading, principal.sees(reading) else { return [] }
            return server.listed.filter { item in
                item.definition.kind == kind && isListed(item.definition, by: reading)
            }.map { ($0.definition, $0.isAccepted) }
        }
        return server.tools.values.filter { $0.kind == kind && principal.sees($0) }
            .sorted { $0.published.name < $1.published.name }
            .map { ($0.published, true) }
    }

    /// A resource whose reading would always be refused is not listed, like a tool; nor is a template
    /// that names a denied path whatever stands in its places.
    private func isListed(_ item: ToolDefinition, by reading: ToolEntry) -> Bool {
        let uri = item.wireName
        guard item.kind == .resource else {
            return reading.policy.denied.match(Array(uri.utf8)) == nil
        }
        guard let form = try? CallForm.reading(uri) else { return false }
        if case .refuse = reading.policy.judge(form).outcome { return false }
        return true
    }
}
