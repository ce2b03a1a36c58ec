import Base
import Crypto
package import JSON
import Policy

extension ControlCommands {
    /// `policy`, `policy explain`.
    static let policies: [String: ControlCommand] = [
        "policy.list": ControlCommand(level: .observe) { gateway, call in
            await gateway.policyListing(seenBy: call).serialised()
        },
        "policy.explain": ControlCommand(level: .observe) { gateway, call in
            try await gateway.explain(call)
        },
    ]
}

extension PolicySet {
    /// The effective policy with the digest of all of it.
    package var listing: JSONValue { listing { _ in true } }

    /// The same of those tenants alone.
    func listing(of isSeen: (TenantID) -> Bool) -> JSONValue {
        [
            "configuration": .init(configuration.file),
            "digest": .init(policy.acceptedDigest(OpenSSLHashing()).description),
            "environment": .init(configuration.environment.rawValue),
            "tenants": policy.listing(of: isSeen),
        ]
    }
}

extension Gateway {
    /// The policy, and how often each rule spoke since the start.
    func policyListing(seenBy call: ControlCall) -> JSONValue {
        guard case .object(var object) = current.listing(of: call.sees) else { return .null }
        var hits = JSONObject()
        let seen = tally.ruleHits.filter { call.sees($0.key) }
        for (tenant, rules) in seen.sorted(by: { $0.key < $1.key }) {
            var counts = JSONObject()
            for (name, count) in rules.sorted(by: { $0.key < $1.key }) {
                counts[JSONString(name)] = JSONValue(count)
            }
            hits[JSONString(tenant.rawValue)] = .object(counts)
        }
        object["hits"] = .object(hits)
        return .object(object)
    }

    /// Why a call would be answered as it would; nothing is counted, asked or sent.
    func explain(_ call: ControlCall) async throws -> [UInt8] {
        let text = try call.request.required("tool")
        guard let tool = ToolReference(text) else {
            throw ControlError(.usage, "`\(printable(text))` names no tool; write `server.tool`")
        }
        let principal = try asker(call)
        let arguments = try Self.form(call.request.params?["arguments"])
        let preview = await door.preview(tool, arguments, by: principal)
        let offered = await door.catalogue.tool(tool, tenant: principal.tenant)?.policy
        guard
            let answer = PolicyAnswer(
                current,
                tool,
                tenant: principal.tenant,
                arguments: arguments,
                offered: offered,
                preview: preview,
                unoffered: await door.whyUnoffered(tool, by: principal),
                principal: principal
            )
        else {
            throw ControlError(
                .refused,
                "tenant `\(principal.tenant)` has no server `\(tool.server)`"
            )
        }
        return answer.value.serialised()
    }

    private static func form(_ node: JSONNode?) throws -> CallForm {
        guard let node else { return try CallForm(JSONDocument(parsing: Array("{}".utf8)).root) }
        guard node.kind == .object else {
            throw ControlError(.usage, "the arguments must be a JSON object")
        }
        return try CallForm(node)
    }

    /// Whose call it would be: a token's, or anybody's of a tenant.
    private func asker(_ call: ControlCall) throws -> Principal {
        if let id = call.request.string("token") {
            let seen = tokens.all.filter { call.sees($0.tenant) }
            guard let record = seen.first(where: { $0.id == id || $0.run == id }) else {
                throw ControlError(.refused, "no token `\(printable(id))`")
            }
            return record.makePrincipal()
        }
        let tenant = try TenantID(call.request.string("tenant") ?? TenantID.main.rawValue)
        try call.require(tenant)
        return Principal(
            owner: try PrincipalName(call.request.string("owner") ?? "anybody"),
            token: Principal.openToken,
            tenant: tenant,
            environment: current.configuration.environment,
            run: Principal.openToken
        )
    }
}
