import Audit
import Base
import Egress
import JSON
import Screening
private import System

extension ControlCommands {
    /// `secrets`: what is stored here, and what the configuration's secrets are made of.
    ///
    /// Secrets belong to the gateway and not to a tenant, so that a role for some tenants is not enough.
    static let secrets: [String: ControlCommand] = [
        "secrets.list": ControlCommand(level: .observe) { gateway, call in
            try call.require(nil)
            return try await gateway.secretListing().serialised()
        },
        "secrets.test": ControlCommand(level: .observe) { gateway, call in
            try call.require(nil)
            return try await gateway.testSecret(try call.request.required("name")).serialised()
        },
        "secrets.set": ControlCommand(level: .administer) { gateway, call in
            try call.require(nil)
            let name = try call.request.required("name")
            try gateway.checkSecretName(name)
            guard let value = Base64.decode(try call.request.required("value")) else {
                throw ControlError(.usage, "`value` is not Base64")
            }
            try await gateway.storeSecret(name, Gateway.trimmed(value), for: call)
            return JSONValue.done
        },
        "secrets.rotate": ControlCommand(level: .administer) { gateway, call in
            try call.require(nil)
            let name = try call.request.required("name")
            var object = JSONObject()
            object["changed"] = JSONValue(try await gateway.rotateSecret(name, for: call))
            return JSONValue.object(object).serialised()
        },
        "secrets.remove": ControlCommand(level: .administer) { gateway, call in
            try call.require(nil)
            try await gateway.removeSecret(try call.request.required("name"), for: call)
            return JSONValue.done
        },
    ]
}

extension Gateway {
    fileprivate func secretListing() async throws -> JSONValue {
        let vault = vault
        let stored: [SecretVault.Entry]
        do {
            stored = try await parts.pool.run { try vault.entries() }
        } catch let problem as SecretProblem {
            throw ControlError(.broken, problem.text)
        }
        let configuration = current.configuration
        var rows: [JSONValue] = []
        let names = Set(configuration.secrets.keys).union(stored.map(\.name))
        for name in names.sorted() {
            var row = JSONObject()
            row["name"] = JSONValue(name)
            row["source"] = JSONValue(configuration.secrets[name]?.word ?? "stored, not named")
            if let entry = stored.first(where: { $0.name == name }) {
                row["changed"] = JSONValue(entry.changed.description)
            }
            if let since = shelf.since(name) { row["since"] = JSONValue(since.description) }
            let users = configuration.allServers.filter { $0.secretNames.contains(name) }
            row["servers"] = .array(users.map { JSONValue($0.name.rawValue) })
            let holders = users.filter { $0.heldSecretNames.contains(name) }
            row["held_by"] = .array(
                holders.filter { if case .stdio = $0.kind { true } else { false } }
                    .map { JSONValue($0.name.rawValue) }
            )
            row["bindings"] = .array(users.flatMap { Self.bindings(of: name, in: $0) })
            rows.append(.object(row))
        }
        var object = JSONObject()
        object["key"] = JSONValue(vault.keySource)
        object["secrets"] = .array(rows)
        return .object(object)
    }

    /// Where a server may use a secret it does not hold.
    private static func bindings(
        of name: String,
        in server: Configuration.Server
    ) -> [JSONValue] {
        guard case .stdio(let stdio) = server.kind else { return [] }
        return stdio.uses.filter { $0.binding.secret == name }.map { use in
            var row = Self.row(of: use.binding)
            row["tenant"] = JSONValue(server.tenant.rawValue)
            row["server"] = JSONValue(server.name.rawValue)
            return .object(row)
        }
    }

    static func row(of binding: SecretBinding) -> JSONObject {
        var row = JSONObject()
        row["secret"] = JSONValue(binding.secret)
        row["host"] = JSONValue(binding.rule.description)
        row["place"] = JSONValue(binding.place.description)
        if case .header(let name) = binding.place { row["header"] = JSONValue(name) }
        row["methods"] = .array(binding.methods.sorted().map { JSONValue($0) })
        return row
    }

    /// Reads the source now, and says what came of it without saying what it is.
    fileprivate func testSecret(_ name: String) async throws -> JSONValue {
        let configuration = current.configuration
        guard let source = configuration.secrets[name] else { throw unknownSecret(name) }
        var object = JSONObject()
        object["name"] = JSONValue(name)
        object["source"] = JSONValue(source.word)
        do {
            let value = try await secretValue(source, name)
            object["ok"] = JSONValue(true)
            object["bytes"] = JSONValue(value.count)
            object["in_force"] = JSONValue(shelf[name] == value)
            object["findable"] = JSONValue(KnownSecret(name: name, value: value) != nil)
        } catch let problem as SecretProblem {
            object["ok"] = JSONValue(false)
            object["reason"] = JSONValue(printable(problem.text, limit: 600))
        }
        return .object(object)
    }

    fileprivate func storeSecret(
        _ name: String,
        _ value: [UInt8],
        for call: ControlCall
    ) async throws {
        guard !value.isEmpty else { throw ControlError(.usage, "secret `\(name)` is empty") }
        let (vault, now) = (vault, parts.clock.timestamp)
        try await inTurn(changes, for: call) {
            try await changeStored { try vault.set(name, value, at: now) }
        }
        try await recordSecret(name, "set", by: call.actor)
        if current.configuration.secrets[name] != nil {
            await refresh(only: try await inTurn { try await takeSecrets() })
        }
    }

    /// Reads every source again; what changed is in force when this returns.
    fileprivate func rotateSecret(_ name: String, for call: ControlCall) async throws -> Bool {
        let (isChanged, others) = try await inTurn(changes, for: call) {
            guard current.configuration.secrets[name] != nil else { throw unknownSecret(name) }
            let before = shelf[name]
            let others = try await takeSecrets()
            return (shelf[name] != before, others)
        }
        await refresh(only: others)
        if isChanged { try await recordSecret(name, "rotated", by: call.actor) }
        return isChanged
    }

    fileprivate func removeSecret(_ name: String, for call: ControlCall) async throws {
        let vault = vault
        try await inTurn(changes, for: call) {
            // In its turn: a reload that began before may bring it into use.
            if case .stored = current.configuration.secrets[name] {
                throw ControlError(
                    .refused,
                    "secret `\(printable(name))` is in use",
                    hint: "take it out of the configuration first"
                )
            }
            guard try await changeStored({ try vault.remove(name) }) else {
                throw ControlError(.refused, "nothing is stored as `\(printable(name))`")
            }
        }
        try await recordSecret(name, "removed", by: call.actor)
    }

    fileprivate nonisolated func checkSecretName(_ name: String) throws(ControlError) {
        let isName =
            (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
                    || (0x41...0x5a).contains(byte) || byte == 0x2d || byte == 0x5f
                    || byte == 0x2e
            }
        guard isName else {
            throw ControlError(
                .usage,
                "`\(printable(name))` is no name for a secret; use letters, digits, `-`, `_`, `.`"
            )
        }
    }

    /// Changes the file of stored secrets; the caller has its turn.
    private func changeStored<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        do {
            return try await parts.pool.run(body)
        } catch let problem as SecretProblem {
            throw ControlError(.refused, problem.text)
        }
    }

    /// Takes the values over as they are now; the caller has its turn, and asks the servers that are
    /// others now what they offer: no server that does not hold a changed one is started anew.
    private func takeSecrets() async throws -> Set<ServerKey> {
        do {
            return try await adopt(current, by: nil)
        } catch let error as ConfigurationError {
            throw ControlError(.refused, "\(error)")
        }
    }

    private func unknownSecret(_ name: String) -> ControlError {
        ControlError(
            .refused,
            "no secret `\(printable(name))` is configured"
                + Spelling.suggestion(for: name, in: current.configuration.secrets.keys),
            hint: "`gatehouse secrets list` names them"
        )
    }

    private func recordSecret(
        _ name: String,
        _ change: StaticString,
        by actor: String
    ) async throws {
        _ = try await store.commit(
            AuditRecord(
                .configuration,
                at: parts.clock.timestamp,
                tenant: .main,
                environment: current.configuration.environment,
                detail: .fields([
                    RecordField("by", actor),
                    RecordField("change", "secret-\(change)"),
                    RecordField("secret", name),
                ])
            )
        )
    }
}
