import Base
package import JSON
import Policy

/// How a grant is kept; the row is sealed, as the shape holds arguments.
extension Grant {
    package var value: JSONValue {
        var object: JSONObject = [
            "by": .init(by.rawValue),
            "callForm": .init(String(decoding: shape.shown.bytes, as: UTF8.self)),
            "causes": .array(causes.map { .init($0) }),
            "expires": .init(expires.milliseconds),
            "given": .init(given.milliseconds),
            "grant": 1,
            "id": .init(id.rawValue),
            "run": .init(run),
            "ticket": .init(ticket.rawValue),
            "tier": .init(tier.description),
            "used": .init(used),
            "uses": .init(uses),
            "vary": shape.vary,
        ]
        binding.write(to: &object)
        return .object(object)
    }

    package init(json node: JSONNode) throws {
        let form = try KeptForm(node, of: "grant")
        let tier = try form.text("tier", as: RiskTier.init(spelling:))
        guard tier < .execute else { throw form.fault("tier") }
        let uses = try form.whole("uses")
        let used = try form.whole("used")
        guard (1...Int64(Self.mostUses)).contains(uses), (0...uses).contains(used) else {
            throw form.fault("uses")
        }
        guard let vary = form["vary"] else { throw form.fault("vary") }
        self.init(
            id: try form.text("id", as: GrantID.init),
            binding: try form.binding(),
            run: try form.text("run"),
            tier: tier,
            causes: form.texts("causes"),
            shape: try Shape(shown: Array(try form.text("callForm").utf8), vary: vary),
            by: try form.name("by"),
            ticket: try form.text("ticket", as: TicketID.init),
            given: try form.time("given"),
            expires: try form.time("expires"),
            uses: Int(uses),
            used: Int(used)
        )
    }
}
