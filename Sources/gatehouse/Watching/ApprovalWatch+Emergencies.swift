import Base
import Gateway
import JSON

/// A break-glass that was opened at this terminal.
struct OwnGlass {
    let id: String
    let tenant: String
    let token: String
}

/// Emergencies at the terminal: everybody hears of them, and can open, use, close and review one.
extension ApprovalWatch {
    /// Says what is new, with a bell: whoever watches may look elsewhere.
    func note(_ found: [JSONNode]) {
        for line in emergencies.take(found) { say("\u{07}!! " + line) }
        let isOpen = found.contains { glass in
            EmergencyList.id(glass) == own?.id && glass["open"]?.bool == true
        }
        if own != nil, !isOpen { own = nil }
    }

    /// What can be pressed besides at a question that needs two people.
    func keyOfEmergency(_ row: WatchList.Row) -> String {
        guard row.isForTwo else { return "" }
        return own?.tenant == row.tenant ? "  a alone" : "  b break the glass"
    }

    /// `b`: opens one for the tenant of what is in front of the person, or closes the own one.
    func breakGlass() async {
        await attempt {
            if let own {
                guard try ask("close \(own.id)? (y): ") == "y" else { return showKeys() }
                _ = try await client.call("breakglass.close", ["id": JSONValue(own.id)])
                return
            }
            let tenant = list.current?.tenant ?? TenantID.main.rawValue
            say(
                "break-glass for tenant \(printable(tenant)): you answer alone what needs two people "
                    + "at T3; everybody hears of it, and another person reviews it"
            )
            let question = "what is on fire (empty: leave): "
            guard let reason = try ask(question), !reason.isEmpty else { return showKeys() }
            let life = try ask("how long, up to 1h (15min): ") ?? ""
            guard let time = Duration(spelling: life.isEmpty ? "15min" : life) else {
                throw ControlError(.usage, "the time is written such as 15min")
            }
            let result = try await send(
                "breakglass.open",
                [
                    "reason": JSONValue(reason), "seconds": JSONValue(time.components.seconds),
                    "tenant": JSONValue(tenant),
                ]
            )
            guard let id = result["id"]?.string, let token = result["token"]?.string else { return }
            own = OwnGlass(id: id, tenant: tenant, token: token)
            say("\(printable(id)) is open until \(printable(result["ends"]?.string ?? ""))")
            showKeys()
        }
    }

    /// `a`: one yes for two, under the own break-glass.
    func answerAlone() async {
        guard let row = list.current, row.isForTwo else {
            say("this needs no two people; answer it with y")
            return showKeys()
        }
        guard let own, own.tenant == row.tenant else {
            say("there is no break-glass of yours here; b opens one")
            return showKeys()
        }
        await decide("approvals.vote") { params in
            params["yes"] = true
            params["break_glass"] = JSONValue(own.token)
            return true
        }
    }

    /// `v`: says what was found in what another person did alone.
    func review() async {
        await attempt {
            let person = try personName()
            guard let glass = emergencies.all.first(where: { $0["by"]?.string != person }) else {
                say("no break-glass of another person waits for review")
                return showKeys()
            }
            say(BreakGlassCommands.line(glass))
            for use in glass["uses"]?.elements.map({ $0 }) ?? [] {
                say("  used " + BreakGlassCommands.words(ofUse: use))
            }
            let question = "what you found (empty: leave): "
            guard let comment = try ask(question), !comment.isEmpty else { return showKeys() }
            let id = EmergencyList.id(glass)
            _ = try await send(
                "breakglass.review",
                ["id": JSONValue(id), "comment": JSONValue(comment)]
            )
        }
    }
}
