import Audit
import Base
import Crypto
import JSON
import MCP
import Policy
import Storage

/// The accepted definitions themselves, kept so that a later change can be shown; pins are digests.
enum AcceptedDefinitions {
    static func key(_ tenant: TenantID, _ server: ServerName, _ pin: Digest) -> StateKey {
        StateKey(tenant, .pins, "\(server)/\(pin)")
    }

    /// Keeps what was accepted and drops what is accepted no more.
    static func changes(
        keeping definitions: [Digest: [UInt8]],
        of place: (tenant: TenantID, server: ServerName),
        from old: LockFile,
        to new: LockFile
    ) -> [StateChange] {
        let wanted = Set(new.pins(of: place.server, place.tenant).tools.values)
        let gone = Set(old.pins(of: place.server, place.tenant).tools.values).subtracting(wanted)
        let kept = definitions.sorted { $0.key.description < $1.key.description }.map {
            StateChange.put(
                key(place.tenant, place.server, $0.key),
                value: $0.value,
                expecting: .anything
            )
        }
        return kept
            + gone.sorted { $0.description < $1.description }.map {
                .delete(key(place.tenant, place.server, $0), expecting: .anything)
            }
    }
}

extension Gateway {
    /// What a person is shown before accepting: each tool, whether it is new, changed, renamed or
    /// gone, with what changed, and the tier and scope we propose, with the reason.
    func proposals(_ call: ControlCall) async throws -> [UInt8] {
        if let (server, accepted, found) = try changedProgram(call) {
            let row: JSONObject = [
                "tenant": JSONValue(server.tenant.rawValue),
                "server": JSONValue(server.name.rawValue), "state": "program",
                "program": JSONValue(found.description),
                "program_accepted": JSONValue(accepted.description),
            ]
            return JSONValue.array([.object(row)]).serialised()
        }
        let (server, description) = try described(call)
        let pins = current.lock.pins(of: server.name, server.tenant)
        let hashing = OpenSSLHashing()
        let listed = Set(description.tools.map(\.name))
        let renames = Renames(pins, description, listed: listed)
        var list: [JSONValue] = []
        var isRenamed: Set<ToolName> = []
        for tool in description.tools {
            let before = pins.tools[tool.name] == nil ? renames.before(tool, hashing) : nil
            if let before { isRenamed.insert(before) }
            list.append(.object(await proposal(tool, server, pins, was: before)))
        }
        for name in pins.tools.keys.sorted()
        where !listed.contains(name) && !isRenamed.contains(name) {
            var object = row(server.tenant, ToolReference(server: server.name, tool: name))
            object["state"] = JSONValue("gone")
            object["reasons"] = .array([JSONValue("the server does not list it any more")])
            list.append(.object(object))
        }
        if let text = description.instructions {
            let pin = hashing.sha256(Array(text.utf8))
            var object = JSONObject()
            object["instructions"] = JSONValue(text)
            object["state"] = JSONValue(
                pins.instructions == pin
                    ? "accepted" : pins.instructions == nil ? "new" : "changed"
            )
            object["pin"] = JSONValue(pin.description)
            list.append(.object(object))
        }
        for unusable in description.unusable {
            var object = JSONObject()
            object["tool"] = JSONValue(unusable.name)
            object["state"] = JSONValue("unusable")
            object["reasons"] = .array([JSONValue(unusable.reason)])
            list.append(.object(object))
        }
        return JSONValue.array(list).serialised()
    }

    private func proposal(
        _ tool: ToolDefinition,
        _ server: Configuration.Server,
        _ pins: LockFile.Server,
        was before: ToolName?
    ) async -> JSONObject {
        let pin = CatalogueBuilder.pin(of: tool, OpenSSLHashing())
        let reference = ToolReference(server: server.name, tool: tool.name)
        let known = pins.tools[tool.name] ?? before.flatMap { pins.tools[$0] }
        var object = row(server.tenant, reference)
        object["state"] = JSONValue(
            before != nil
                ? "renamed" : known == pin ? "accepted" : known == nil ? "new" : "changed"
        )
        object["pin"] = JSONValue(pin.description)
        object["proposal"] = JSONValue(
            digest(ofProposal: tool, server, was: before).description
        )
        if let stated = stated(reference, server.tenant) {
            object["stated"] = JSONValue(stated.description)
        }
        let proposal = proposed(tool, server, was: before)
        if tool.kind.isJudged { object["tier"] = JSONValue(proposal.tier.description) }
        if let scope = proposal.scope { object["scope"] = scope.value }
        var reasons = proposal.reasons
        if let before {
            object["was"] = JSONValue(before.rawValue)
            let old = printable(before.rawValue)
            reasons.insert("it was `\(old)`, and only the name changed", at: 0)
        } else if let known, known != pin {
            let key = AcceptedDefinitions.key(server.tenant, server.name, known)
            if let kept = try? await store.entry(key) {
                object["difference"] = .array(
                    DefinitionDiff.lines(from: kept.value, to: Array(tool.node.source))
                        .map { JSONValue($0) }
                )
            } else {
                reasons.insert(
                    "the accepted definition is not kept here (another gateway accepted it): "
                        + "look at all of the new one",
                    at: 0
                )
            }
        }
        object["reasons"] = .array(reasons.map { JSONValue($0) })
        object["description"] = JSONValue(tool.description ?? "")
        return object
    }

    /// What a yes to a proposal covers beside the definition: what would be written, and the name it
    /// had.
    ///
    /// All of it may be another one by the time the yes comes.
    func digest(
        ofProposal tool: ToolDefinition,
        _ server: Configuration.Server,
        was before: ToolName?
    ) -> Digest {
        let hashing = OpenSSLHashing()
        let proposal = proposed(tool, server, was: before)
        let reference = ToolReference(server: server.name, tool: tool.name)
        var object: JSONObject = [
            "pin": JSONValue(CatalogueBuilder.pin(of: tool, hashing).description),
            "tier": JSONValue(proposal.tier.description),
        ]
        if let stated = stated(reference, server.tenant) {
            object["stated"] = JSONValue(stated.description)
        }
        if let scope = proposal.scope { object["scope"] = scope.value }
        if let before { object["was"] = JSONValue(before.rawValue) }
        return hashing.sha256(JSONValue.object(object).serialised())
    }

    /// The tier and scope proposed for a tool; one that was renamed is never proposed lower than it
    /// was accepted.
    func proposed(
        _ tool: ToolDefinition,
        _ server: Configuration.Server,
        was before: ToolName?
    ) -> (tier: RiskTier, scope: ArgumentConstraints?, reasons: [String]) {
        switch tool.kind {
        case .tool: break
        case .prompt: return (.read, nil, ["T0: a prompt is a text the server writes"])
        case .reading, .completion: return (.read, nil, ["T0: the protocol has it read only"])
        case .sampling:
            return (.unplaced, nil, ["T2: words of the server go to the agent's model, and back"])
        case .roots: return (.read, nil, ["T0: names of folders, which open nothing"])
        case .resource, .template: return (.read, nil, ["its words are listed, once accepted"])
        }
        var folders: [String] = []
        if case .stdio(let stdio) = server.kind { folders = stdio.cage.write.map(\.inside) }
        let proposal = TierProposal(
            definition: tool.node,
            surroundings: TierProposal.Surroundings(writeFolders: folders)
        )
        let old = before.flatMap {
            stated(ToolReference(server: server.name, tool: $0), server.tenant)
        }
        guard let old, old > proposal.tier else {
            return (proposal.tier, proposal.scope, proposal.reasons)
        }
        return (old, nil, ["\(old): that is what it was under its old name"] + proposal.reasons)
    }
}
