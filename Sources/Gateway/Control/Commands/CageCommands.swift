import Base
import JSON
import Policy
import Sandbox

extension Gateway {
    /// The recipe of a hosted server's cage; throws where there is none.
    func recipe(of member: ServerFleet.Member) throws -> CageRecipe {
        let name = member.settings.name
        guard let hosted = member.hosted else {
            throw ControlError(
                .refused,
                "server `\(name)` is a remote one: it runs in no cage of ours"
            )
        }
        guard !hosted.recipe.cage.isNone else {
            throw ControlError(
                .refused,
                "server `\(name)` has `cage: none`: nothing holds it",
                hint: "give it a cage: remove `cage: none` and name the folders it needs"
            )
        }
        return hosted.recipe
    }

    /// What its next cage would be, layer by layer, on this machine.
    func account(of member: ServerFleet.Member) async throws -> JSONValue {
        let recipe = try recipe(of: member)
        let executes = member.hosted?.facts.current.executes ?? false
        let account: CageAccount
        do {
            account = try await fleet.planning {
                let (plan, tools, probe) = try recipe.plan(executes: executes)
                return CageAccount(plan, tools: tools, probe: probe)
            }
        } catch let error as CageError {
            throw ControlError(.refused, "its cage cannot be made: \(error)")
        }
        var object = JSONObject()
        object["server"] = JSONValue(member.settings.name.rawValue)
        object["tenant"] = JSONValue(member.settings.tenant.rawValue)
        object["layers"] = .array(account.rows.map(Self.value))
        object["hide"] = .array(recipe.cage.hide.map { JSONValue($0.text) })
        object["denied"] = .array(recipe.hiding.rules.patterns.map { JSONValue($0) })
        return .object(object)
    }

    private static func value(of row: CageAccount.Row) -> JSONValue {
        var object = JSONObject()
        object["layer"] = JSONValue(row.layer.rawValue)
        object["holds"] = JSONValue(row.holds)
        object["required"] = JSONValue(row.isRequired)
        object["details"] = .array(row.details.map { JSONValue($0) })
        return .object(object)
    }
}
