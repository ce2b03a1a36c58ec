import Approval
import Audit
import Base
import Crypto
import JSON
import Policy

extension ControlCommands {
    /// `break-glass open|list|review|close`.
    static let emergencies: [String: ControlCommand] = [
        "breakglass.list": ControlCommand(level: .observe) { gateway, call in
            let list = await gateway.desk.emergencies().filter { call.sees($0.glass.tenant) }
            return JSONValue.array(list.map { $0.glass.summary(isOpen: $0.isOpen) }).serialised()
        },
        "breakglass.open": ControlCommand(level: .decide) { gateway, call in
            try await gateway.openBreakGlass(call)
        },
        // Ending early is narrowing.
        "breakglass.close": ControlCommand(level: .restrict) { gateway, call in
            try await gateway.closeBreakGlass(call)
        },
        "breakglass.review": ControlCommand(level: .review) { gateway, call in
            try await gateway.reviewBreakGlass(call)
        },
    ]
}

extension Gateway {
    func openBreakGlass(_ call: ControlCall) async throws -> [UInt8] {
        let person = try call.somebody()
        let tenant = try TenantID(call.request.string("tenant") ?? TenantID.main.rawValue)
        guard call.sees(tenant) else {
            throw ControlError(.refused, "you do not decide for tenant `\(tenant)`")
        }
        let reason = try call.request.required("reason")
        guard (10...BreakGlass.reasonByteCount).contains(reason.utf8.count) else {
            throw ControlError(
                .usage,
                "the reason has 10 to \(BreakGlass.reasonByteCount) bytes",
                hint: "say what is on fire; everybody reads it, and somebody reviews it"
            )
        }
        let seconds = call.request.int("seconds") ?? 900
        guard (1...Int(BreakGlass.longest.components.seconds)).contains(seconds) else {
            throw ControlError(.usage, "a break-glass lasts from 1 s to 1 h")
        }
        let secret = "bg_" + Base64.encode(parts.random.bytes(count: 32), .urlSafe)
        let glass: BreakGlass
        do throws(BreakGlassProblem) {
            glass = try await desk.openBreakGlass(
                by: PersonName(unchecked: person.name.rawValue),
                for: tenant,
                because: reason,
                lasting: .seconds(seconds),
                token: OpenSSLHashing().sha256(Array(secret.utf8))
            ).get()
        } catch {
            throw ControlError(.refused, "\(error)")
        }
        parts.log(
            "BREAK-GLASS \(glass.id): \(glass.person) answers alone at T3 for tenant \(glass.tenant) "
                + "until \(glass.ends.description): \(glass.reason)"
        )
        var object = JSONObject()
        object["id"] = JSONValue(glass.id.rawValue)
        object["token"] = JSONValue(secret)
        object["ends"] = JSONValue(glass.ends.description)
        object["due"] = JSONValue(glass.due.description)
        return JSONValue.object(object).serialised()
    }

    func closeBreakGlass(_ call: ControlCall) async throws -> [UInt8] {
        guard let id = BreakGlassID(try call.request.required("id")),
            let found = await desk.emergencies().first(where: { $0.glass.id == id }),
            call.sees(found.glass.tenant), await desk.closeBreakGlass(id, by: call.actor)
        else { throw ControlError(.refused, "no such break-glass is open") }
        return JSONValue.done
    }

    func reviewBreakGlass(_ call: ControlCall) async throws -> [UInt8] {
        let person = try call.somebody()
        let comment = try call.request.required("comment")
        guard (1...BreakGlass.reasonByteCount).contains(comment.utf8.count) else {
            throw ControlError(.usage, "the comment has 1 to \(BreakGlass.reasonByteCount) bytes")
        }
        guard let id = BreakGlassID(try call.request.required("id")),
            let found = await desk.emergencies().first(where: { $0.glass.id == id }),
            call.sees(found.glass.tenant)
        else { throw ControlError(.refused, "no such break-glass waits for review") }
        do throws(BreakGlassProblem) {
            try await desk.reviewBreakGlass(
                id,
                by: PersonName(unchecked: person.name.rawValue),
                saying: comment
            ).get()
        } catch {
            throw ControlError(.refused, "\(error)")
        }
        return JSONValue.done
    }
}

extension BreakGlass {
    /// As lists show it; never the token.
    func summary(isOpen: Bool) -> JSONValue {
        [
            "id": JSONValue(id.rawValue),
            "by": JSONValue(person.rawValue),
            "tenant": JSONValue(tenant.rawValue),
            "reason": JSONValue(reason),
            "opened": JSONValue(opened.description),
            "ends": JSONValue(ends.description),
            "open": JSONValue(isOpen),
            "due": JSONValue(due.description),
            "uses": .array(
                uses.map { use in
                    [
                        "ticket": JSONValue(use.ticket.rawValue), "tool": JSONValue(use.tool),
                        "at": JSONValue(use.at.description),
                    ]
                }
            ),
        ]
    }
}
