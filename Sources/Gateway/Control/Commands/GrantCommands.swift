import Approval
import Base
import Crypto
import JSON
import Policy

extension ControlCommands {
    /// `grants list|preview|revoke`.
    static let grants: [String: ControlCommand] = [
        "grants.list": ControlCommand(level: .observe) { gateway, call in
            let grants = await gateway.desk.liveGrants().filter { call.sees($0.binding.tenant) }
            return JSONValue.array(grants.map(\.summary)).serialised()
        },
        // What a grant would cover, in the sentence its giver reads before the passphrase.
        "grants.preview": ControlCommand(level: .observe) { gateway, call in
            try await gateway.previewGrant(call)
        },
        // Taking away is narrowing: whoever may look may also stop.
        "grants.revoke": ControlCommand(level: .restrict) { gateway, call in
            try await gateway.revokeGrant(call)
        },
    ]
}

extension Gateway {
    /// What a vote or a preview asks for under `grant`:
    /// `{"vary": {"/pointer": true | {…}}, "uses": 20, "seconds": 1800}`; nil where nothing is.
    nonisolated func proposal(
        _ call: ControlCall,
        for question: Question
    ) throws(ControlError) -> GrantProposal? {
        guard let node = call.request.params?["grant"], !node.isNull else { return nil }
        guard let vary = node["vary"], let uses = node["uses"]?.number?.int,
            let seconds = node["seconds"]?.number?.int, seconds > 0, seconds < 1 << 32
        else {
            throw ControlError(.usage, "a grant has `vary`, `uses` and `seconds`")
        }
        do throws(ShapeError) {
            return GrantProposal(
                id: GrantID(random: parts.random),
                shape: try Shape(shown: question.callForm, vary: vary),
                uses: uses,
                lasts: .seconds(seconds)
            )
        } catch {
            throw ControlError(.refused, "\(error)")
        }
    }

    func previewGrant(_ call: ControlCall) async throws -> [UInt8] {
        let question = try await question(call)
        guard let proposal = try proposal(call, for: question) else {
            throw ControlError(.usage, "the parameter `grant` is missing")
        }
        if let reason = await desk.reasonNotToGrant(proposal, question) {
            throw ControlError(.refused, reason)
        }
        let until = parts.clock.timestamp.advanced(by: proposal.lasts)
        let sentence = Grant.sentence(
            of: question.binding,
            uses: proposal.uses,
            until: until,
            proposal.shape
        )
        let answer: JSONValue = [
            "sentence": JSONValue(sentence), "revision": JSONValue(question.revision),
        ]
        return answer.serialised()
    }

    func revokeGrant(_ call: ControlCall) async throws -> [UInt8] {
        let text = try call.request.required("id")
        let found = await desk.liveGrants().filter {
            $0.id.rawValue.hasPrefix(text) && call.sees($0.binding.tenant)
        }
        guard found.count == 1, let grant = found.first else {
            throw ControlError(
                .refused,
                found.isEmpty
                    ? "no grant `\(printable(text))`" : "`\(printable(text))` names several"
            )
        }
        switch await desk.revoke(grant.id, by: call.actor) {
        case true?:
            let answer: JSONValue = ["revoked": JSONValue(grant.id.rawValue)]
            return answer.serialised()
        case false?: throw ControlError(.refused, "no grant `\(grant.id)`")
        case nil:
            throw ControlError(
                .refused,
                "the grant has ended, but that could not be recorded",
                hint:
                    "a restart may bring it back; revoke it again as soon as the log can be written"
            )
        }
    }
}

extension Grant {
    /// As lists show it; never the arguments that must be as shown.
    var summary: JSONValue {
        [
            "id": JSONValue(id.rawValue),
            "sentence": JSONValue(sentence),
            "tool": JSONValue(binding.tool.description),
            "principal": JSONValue(binding.principal.rawValue),
            "tenant": JSONValue(binding.tenant.rawValue),
            "token": JSONValue(binding.credential),
            "tier": JSONValue(tier.description),
            "by": JSONValue(by.rawValue),
            "ticket": JSONValue(ticket.rawValue),
            "given": JSONValue(given.description),
            "expires": JSONValue(expires.description),
            "uses": JSONValue(uses),
            "used": JSONValue(used),
            "vary": shape.vary,
        ]
    }
}
