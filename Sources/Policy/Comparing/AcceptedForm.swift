package import Base
package import JSON

/// A checked policy as the state folder keeps it, so that a start can be compared with what was
/// accepted last.
extension CheckedPolicy {
    /// Everything a verdict depends on, keys sorted; lock statements included.
    package var acceptedForm: JSONValue {
        [
            "document": document.value,
            "environment": .init(context.environment.rawValue),
            "features": .init(context.features.rawValue),
            "form": 1,
            "hides": Self.object(
                context.hides.mapValues { servers in
                    Self.object(servers.mapValues { .array($0.map { .init($0.text) }) })
                }
            ),
            "holders": Self.object(
                context.holders.mapValues { .array($0.sorted().map { .init($0.rawValue) }) }
            ),
            "lock": Self.object(context.lock.mapValues { Self.object($0.mapValues(\.value)) }),
            "production": .init(context.isProduction),
            "servers": Self.object(
                context.servers.mapValues { Self.object($0.mapValues { .init($0.text) }) }
            ),
        ]
    }

    private static func object(
        _ values: [some Hashable & CustomStringConvertible: JSONValue]
    )
        -> JSONValue
    {
        let members = values.map { (JSONString($0.key.description), $0.value) }
        return .object(JSONObject(members.sorted { $0.0 < $1.0 }))
    }

    /// SHA-256 of the accepted form, for the log.
    package func acceptedDigest(_ hashing: any Hashing) -> Digest {
        hashing.sha256(acceptedForm.serialised())
    }

    /// Reads an accepted form back; throws when it is none, or when its policy no longer checks.
    package init(
        acceptedForm node: JSONNode,
        engine: any PatternEngine,
        hashing: any Hashing
    ) throws {
        guard node["form"]?.number?.int == 1, let document = node["document"],
            let environment = node["environment"]?.string,
            let isProduction = node["production"]?.bool,
            let features = node["features"]?.number?.int, let servers = node["servers"],
            let lock = node["lock"]
        else { throw AcceptedFormError() }
        var context = PolicyContext(
            environment: try EnvironmentName(environment),
            isProduction: isProduction,
            servers: [:],
            features: PolicyFeatures(rawValue: features)
        )
        for (tenant, roots) in servers.members {
            let tenant = try TenantID(tenant.text)
            context.servers[tenant] = [:]
            for (server, root) in roots.members {
                guard let root = root.string.flatMap({ ServerRoot($0) }) else {
                    throw AcceptedFormError()
                }
                context.servers[tenant]?[try ServerName(server.text)] = root
            }
        }
        for (tenant, servers) in node["holders"]?.members.map({ $0 }) ?? [] {
            context.holders[try TenantID(tenant.text)] = try Set(
                servers.elements.compactMap(\.string).map { try ServerName($0) }
            )
        }
        // A form kept before servers could hide anything has none.
        for (tenant, servers) in node["hides"]?.members.map({ $0 }) ?? [] {
            let tenant = try TenantID(tenant.text)
            for (server, paths) in servers.members {
                context.hides[tenant, default: [:]][try ServerName(server.text)] =
                    try paths.elements.compactMap(\.string).map { try DenyPath($0) }
            }
        }
        for (tenant, statements) in lock.members {
            let tenant = try TenantID(tenant.text)
            context.lock[tenant] = [:]
            for (tool, statement) in statements.members {
                guard let tool = ToolReference(spelling: tool.text) else {
                    throw AcceptedFormError()
                }
                context.lock[tenant]?[tool] = try ToolStatement(json: statement)
            }
        }
        try self.init(
            checking: PolicyDocument(json: document),
            in: context,
            engine: engine,
            hashing: hashing
        )
    }
}

/// The kept form of the last accepted policy cannot be read.
package struct AcceptedFormError: Error, Equatable, Sendable, CustomStringConvertible {
    package init() {}

    package var description: String {
        "the last accepted policy cannot be read; accept the present one with `gatehouse check --accept`"
    }
}

extension ToolReference {
    /// Reads `server.tool`, where the first dot separates; nil when either name is unusable.
    package init?(spelling text: String) {
        guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")),
            let server = try? ServerName(String(text[..<dot])),
            let tool = try? ToolName(String(text[text.index(after: dot)...]))
        else { return nil }
        self.init(server: server, tool: tool)
    }
}
