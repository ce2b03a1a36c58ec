import Base
import Egress
import JSON

extension ControlCommands {
    /// `egress`: where hosted servers may connect to, beside what the configuration says.
    static let egress: [String: ControlCommand] = [
        "egress.list": ControlCommand(level: .observe) { gateway, call in
            await gateway.egressListing(call).serialised()
        },
        "egress.allow": ControlCommand(level: .administer) { gateway, call in
            let (key, rule) = try await gateway.place(call)
            let length: EgressGrant.Length
            if call.request.bool("once") {
                length = .once
            } else if let milliseconds = call.request.int("milliseconds") {
                guard (1000...31_536_000_000).contains(milliseconds) else {
                    throw ControlError(.usage, "the time must be from 1s to 365d")
                }
                let now = Moment(gateway.parts.clock)
                length = .until(Deadline(after: .milliseconds(milliseconds), from: now))
            } else {
                length = .forGood
            }
            let grant = EgressGrant(
                tenant: key.tenant,
                server: key.server,
                rule: rule,
                length: length,
                by: call.actor,
                since: gateway.parts.clock.timestamp
            )
            guard try await gateway.egress.allow(grant) else {
                throw ControlError(
                    .refused,
                    "there are \(EgressBook.grantLimit) grants already",
                    hint: "take some back with `gatehouse egress refuse SERVER HOST`"
                )
            }
            var object = JSONObject()
            object["allowed"] = JSONValue(rule.description)
            object["length"] = JSONValue(grant.lengthText)
            return JSONValue.object(object).serialised()
        },
        "egress.refuse": ControlCommand(level: .restrict) { gateway, call in
            let (key, rule) = try await gateway.place(call)
            let count = try await gateway.egress.refuse(rule, of: key, by: call.actor)
            var object = JSONObject()
            object["refused"] = JSONValue(rule.description)
            object["ended"] = JSONValue(count)
            return JSONValue.object(object).serialised()
        },
    ]
}

extension Gateway {
    /// The server and the place a command names; a server without a way out has none.
    fileprivate func place(_ call: ControlCall) async throws -> (EgressBook.Key, EgressRule) {
        let member = try await member(call)
        let settings = member.settings
        try call.require(settings.tenant)
        guard member.hosted?.egress != nil else {
            throw ControlError(
                .refused,
                "server `\(settings.name)` has no way out",
                hint: "give its cage one: `network: { allow: [HOST] }`"
            )
        }
        let text = try call.request.required("host")
        do throws(EgressRule.Problem) {
            let rule = try EgressRule(text)
            return (EgressBook.Key(tenant: settings.tenant, server: settings.name), rule)
        } catch {
            throw ControlError(.usage, error.text)
        }
    }

    fileprivate func egressListing(_ call: ControlCall) async -> JSONValue {
        var rules: [JSONValue] = []
        for member in await fleet.all where call.sees(member.settings.tenant) {
            guard case .stdio(let stdio) = member.settings.kind, let egress = stdio.cage.egress
            else { continue }
            for rule in egress.rules {
                var row = Self.row(member.settings.tenant, member.settings.name)
                row["host"] = JSONValue(rule.description)
                row["length"] = JSONValue("written")
                rules.append(.object(row))
            }
        }
        for grant in await egress.allGrants where call.sees(grant.tenant) {
            var row = Self.row(grant.tenant, grant.server)
            row["host"] = JSONValue(grant.rule.description)
            row["length"] = JSONValue(grant.lengthText)
            row["by"] = JSONValue(grant.by)
            rules.append(.object(row))
        }
        let asked = await egress.allQuestions.filter { call.sees($0.tenant) }
        let questions = asked.map { question -> JSONValue in
            var row = Self.row(question.tenant, question.server)
            row["host"] = JSONValue(printable(question.target.description, limit: 300))
            row["reason"] = JSONValue(question.code)
            row["count"] = JSONValue(question.count)
            row["last"] = JSONValue(question.last.description)
            row["waiting"] = JSONValue(question.waitingCount)
            return .object(row)
        }
        var object = JSONObject()
        object["allowed"] = .array(rules)
        object["asked"] = .array(questions)
        return .object(object)
    }

    private static func row(_ tenant: TenantID, _ server: ServerName) -> JSONObject {
        var row = JSONObject()
        row["tenant"] = JSONValue(tenant.rawValue)
        row["server"] = JSONValue(server.rawValue)
        return row
    }
}
