import Base
package import JSON
import Policy

/// How a grant is kept; the row is sealed, as the shape holds arguments.
extension Grant {
    package var value: JSONValue {
        [
            "by": .init(by.rawValue),
            "callForm": .init(String(decoding: shape.shown.bytes, as: UTF8.self)),
            "call": .init(binding.callForm.description),
            "causes": .array(causes.map { .init($0) }),
            "credential": .init(binding.credential),
            "environment": .init(binding.environment.rawValue),
            "expires": .init(expires.milliseconds),
            "given": .init(given.milliseconds),
            "grant": 1,
            "id": .init(id.rawValue),
            "pin": .init(binding.pin.description),
            "policy": .init(binding.policy.description),
            "principal": .init(binding.principal.rawValue),
            "run": .init(run),
            "server": .init(binding.tool.server.rawValue),
            "tenant": .init(binding.tenant.rawValue),
            "ticket": .init(ticket.rawValue),
            "tier": .init(tier.description),
            "tool": .init(binding.tool.tool.rawValue),
            "used": .init(used),
            "uses": .init(uses),
            "vary": shape.vary,
        ]
    }

    package init(json node: JSONNode) throws {
        func text(_ key: String) throws(GrantFormError) -> String {
            guard let text = node.member(key)?.string else { throw GrantFormError(key: key) }
            return text
        }
        func whole(_ key: String) throws(GrantFormError) -> Int64 {
            guard let value = node.member(key)?.number?.int64 else {
                throw GrantFormError(key: key)
            }
            return value
        }
        func digest(_ key: String) throws(GrantFormError) -> Digest {
            guard let bytes = Hex.decode(try text(key)), let digest = Digest(bytes: bytes) else {
                throw GrantFormError(key: key)
            }
            return digest
        }
        guard try whole("grant") == 1 else { throw GrantFormError(key: "grant") }
        guard let id = GrantID(try text("id")) else { throw GrantFormError(key: "id") }
        guard let ticket = TicketID(try text("ticket")) else { throw GrantFormError(key: "ticket") }
        guard let tier = RiskTier(spelling: try text("tier")), tier < .execute else {
            throw GrantFormError(key: "tier")
        }
        let uses = try whole("uses")
        let used = try whole("used")
        guard (1...Int64(Self.mostUses)).contains(uses), (0...uses).contains(used) else {
            throw GrantFormError(key: "uses")
        }
        guard let vary = node["vary"] else { throw GrantFormError(key: "vary") }
        self.init(
            id: id,
            binding: Binding(
                tenant: try TenantID(try text("tenant")),
                environment: try EnvironmentName(try text("environment")),
                principal: try PrincipalName(try text("principal")),
                credential: try text("credential"),
                tool: ToolReference(
                    server: try ServerName(try text("server")),
                    tool: try ToolName(try text("tool"))
                ),
                pin: try digest("pin"),
                callForm: try digest("call"),
                policy: try digest("policy")
            ),
            run: try text("run"),
            tier: tier,
            causes: node["causes"]?.elements.compactMap(\.string) ?? [],
            shape: try Shape(shown: Array(try text("callForm").utf8), vary: vary),
            by: try PersonName(try text("by")),
            ticket: ticket,
            given: Timestamp(milliseconds: try whole("given")),
            expires: Timestamp(milliseconds: try whole("expires")),
            uses: Int(uses),
            used: Int(used)
        )
    }
}
