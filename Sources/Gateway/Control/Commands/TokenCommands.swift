import Storage
import Audit
package import Base
import Crypto
import JSON
import Policy
import System

extension ControlCommands {
    /// `tokens issue|list|revoke`.
    static let tokens: [String: ControlCommand] = [
        "tokens.list": ControlCommand(level: .observe) { gateway, call in
            let list = gateway.tokens.all.filter { call.sees($0.tenant) }.map {
                record -> JSONValue in
                guard case .object(var object) = record.value else { return .null }
                object["hash"] = .null
                return .object(object)
            }
            return JSONValue.array(list).serialised()
        },
        "tokens.issue": ControlCommand(level: .administer) { gateway, call in
            try await gateway.issueToken(call)
        },
        "tokens.rotate": ControlCommand(level: .administer) { gateway, call in
            try await gateway.rotateToken(call)
        },
        // Taking away is narrowing: whoever may look may also stop.
        "tokens.revoke": ControlCommand(level: .restrict) { gateway, call in
            try await gateway.revokeToken(call)
        },
    ]
}

extension Gateway {
    func issueToken(_ call: ControlCall) async throws -> [UInt8] {
        let request = call.request
        // That of a certificate is told to nobody.
        let secret = TokenBook.newSecret(from: parts.random)
        // One after another: a certificate is one credential.
        let record = try await inTurn(access, for: call) {
            let certificate = try certificateName(request)
            let record = try tokenRecord(request, secret: secret, certificate: certificate)
            try call.require(record.tenant)
            _ = try await store.commit(
                Transaction(
                    records: [tokenEvent("issued", record, by: call.actor)],
                    changes: [
                        .put(record.key, value: record.value.serialised(), expecting: .absent)
                    ]
                )
            )
            tokens.insert(record)
            return record
        }
        await door.noteCredentialsChanged()
        var object = JSONObject()
        object["id"] = JSONValue(record.id)
        if let certificate = record.certificate {
            object["certificate"] = JSONValue(certificate.text)
        } else {
            object["token"] = JSONValue(secret)
        }
        return JSONValue.object(object).serialised()
    }

    private func certificateName(
        _ request: ControlRequest
    ) throws(ControlError) -> CertificateName? {
        guard let text = request.string("certificate") else { return nil }
        guard let name = CertificateName(text) else {
            throw ControlError(
                .usage,
                "`\(printable(text))` names no certificate",
                hint: "write uri:…, dns:…, email:…, subject:CN=…, or sha256: and 64 digits"
            )
        }
        if let known = tokens.record(of: name) {
            throw ControlError(
                .refused,
                "that certificate is the credential of `\(known.owner)` already",
                hint: "revoke it first: gatehouse tokens revoke \(known.id)"
            )
        }
        guard tls?.settings.clients != nil else {
            throw ControlError(
                .refused,
                "the listener asks nobody for a certificate",
                hint: "name whose certificates count: `listen: { tls: { clients: { ca: FILE } } }`"
            )
        }
        return name
    }

    /// The token `init` makes; every later one needs an approver.
    package func makeFirstToken(for owner: PrincipalName) async throws -> String {
        let secret = TokenBook.newSecret(from: parts.random)
        var params = JSONObject()
        params["owner"] = JSONValue(owner.rawValue)
        var request = JSONObject()
        request["method"] = JSONValue("tokens.issue")
        request["params"] = .object(params)
        let document = try JSONDocument(parsing: JSONValue.object(request).serialised())
        let record = try tokenRecord(try ControlRequest(document.root), secret: secret)
        _ = try await store.commit(
            Transaction(
                records: [tokenEvent("issued", record, by: "init")],
                changes: [.put(record.key, value: record.value.serialised(), expecting: .absent)]
            )
        )
        return secret
    }

    private func tokenRecord(
        _ request: ControlRequest,
        secret: String,
        certificate: CertificateName? = nil
    ) throws -> TokenRecord {
        let tenant = try TenantID(request.string("tenant") ?? TenantID.main.rawValue)
        guard tenant == .main || current.configuration.tenants[tenant] != nil else {
            throw ControlError(.refused, "no tenant `\(tenant)` in the configuration")
        }
        func list(_ key: StaticString) -> [String]? {
            guard let node = request.params?[key], !node.isNull else { return nil }
            return node.elements.compactMap(\.string)
        }
        guard let tier = RiskTier(spelling: request.string("tier") ?? "T3") else {
            throw ControlError(.usage, "the tier must be one of T0, T1, T2, T3")
        }
        let addresses = list("allow_from")
        if let wrong = addresses?.first(where: { AddressRange($0) == nil }) {
            throw ControlError(
                .usage,
                "`\(printable(wrong))` is no address and no range of addresses",
                hint: "write `10.0.0.7` or `10.0.0.0/24`"
            )
        }
        if let node = request.params?["seconds"], !node.isNull {
            guard let seconds = request.int("seconds"), (1...3650 * 86_400).contains(seconds) else {
                throw ControlError(.usage, "a token lives from 1 s to 3650 d")
            }
        }
        let now = parts.clock.timestamp
        return TokenRecord(
            id: Hex.encode(parts.random.bytes(count: 6)),
            hash: OpenSSLHashing().sha256(Array(secret.utf8)),
            owner: try PrincipalName(try request.required("owner")),
            tenant: tenant,
            environment: current.configuration.environment,
            servers: try list("servers")?.map { try ServerName($0) },
            tools: try list("tools")?.map { try ToolPattern($0) },
            highestTier: tier,
            allowedFrom: addresses,
            issued: now,
            expires: request.int("seconds").map { now.advanced(by: .seconds($0)) },
            run: Hex.encode(parts.random.bytes(count: 8)),
            certificate: certificate
        )
    }

    /// Puts a token with another secret in the place of one, and ends that with what it runs.
    ///
    /// Everything but the secret, the name and the run stays: rotating gives nobody more.
    func rotateToken(_ call: ControlCall) async throws -> [UInt8] {
        let tenant = try TenantID(call.request.string("tenant") ?? TenantID.main.rawValue)
        try call.require(tenant)
        let id = try call.request.required("id")
        let secret = TokenBook.newSecret(from: parts.random)
        // One after another: a token has one successor.
        let (old, record) = try await inTurn(access, for: call) {
            guard let old = tokens.all.first(where: { $0.id == id && $0.tenant == tenant }) else {
                throw ControlError(.refused, "no token `\(printable(id))`")
            }
            return (old, try await succeed(old, with: secret, by: call.actor))
        }
        let principal = old.makePrincipal()
        await service.closeSessions(of: principal.key)
        let stopped = await door.cancelCalls(of: principal.key)
        let answer: JSONValue = [
            "id": JSONValue(record.id), "token": JSONValue(secret), "stopped": JSONValue(stopped),
        ]
        return answer.serialised()
    }

    private func succeed(
        _ old: TokenRecord,
        with secret: String,
        by name: String
    ) async throws -> TokenRecord {
        guard old.certificate == nil else {
            throw ControlError(
                .refused,
                "the credential is a certificate, and has no secret of ours",
                hint: "issue one for the new certificate and revoke this one"
            )
        }
        let record = old.rotated(
            id: Hex.encode(parts.random.bytes(count: 6)),
            hash: OpenSSLHashing().sha256(Array(secret.utf8)),
            issued: parts.clock.timestamp,
            run: Hex.encode(parts.random.bytes(count: 8))
        )
        _ = try await store.commit(
            Transaction(
                records: [
                    tokenEvent("issued", record, by: name),
                    tokenEvent("revoked", old, by: name),
                ],
                changes: [
                    .put(record.key, value: record.value.serialised(), expecting: .absent),
                    .delete(old.key, expecting: .anything),
                ]
            )
        )
        // A revocation waits for nobody. What it ended meanwhile has no successor: nobody was told the
        // secret of this one.
        guard tokens.replace(old, with: record) else {
            _ = try await store.commit(
                Transaction(
                    records: [tokenEvent("revoked", record, by: name)],
                    changes: [.delete(record.key, expecting: .anything)]
                )
            )
            throw ControlError(.refused, "token `\(old.id)` was revoked meanwhile")
        }
        return record
    }

    /// Ends one token by its id, or every token of an owner.
    func revokeToken(_ call: ControlCall) async throws -> [UInt8] {
        let tenant = try call.request.string("tenant").map { try TenantID($0) }
        // Also those of which only the door knows that they ended.
        let known = tokens.all + unwrittenEnds
        let meant: [TokenRecord]
        let what: String
        if let text = call.request.string("owner") {
            let owner = try PrincipalName(text)
            meant = known.filter { $0.owner == owner && (tenant ?? $0.tenant) == $0.tenant }
            what = "no token of `\(owner)`"
        } else {
            let id = try call.request.required("id")
            meant = known.filter { $0.id == id && $0.tenant == tenant ?? .main }
            what = "no token `\(printable(id))`"
        }
        guard !meant.isEmpty else { throw ControlError(.refused, what) }
        for record in meant { try call.require(record.tenant) }
        // At the door at once, on disk next: a full disk does not keep a stolen token alive.
        for record in meant { tokens.remove(id: record.id, tenant: record.tenant) }
        unwrittenEnds.removeAll { meant.contains($0) }
        unwrittenEnds += meant
        var stopped = 0
        for record in meant {
            let principal = record.makePrincipal()
            await service.closeSessions(of: principal.key)
            stopped += await door.cancelCalls(of: principal.key)
        }
        do throws(StoreError) {
            _ = try await store.commit(
                Transaction(
                    records: meant.map { tokenEvent("revoked", $0, by: call.actor) },
                    changes: meant.map { .delete($0.key, expecting: .anything) }
                )
            )
        } catch {
            throw ControlError(
                .refused,
                "it has ended, but that could not be recorded: \(error)",
                hint:
                    "a restart brings it back; revoke it again as soon as the log can be written"
            )
        }
        unwrittenEnds.removeAll { meant.contains($0) }
        var object = JSONObject()
        object["revoked"] = JSONValue(meant.count)
        object["stopped"] = JSONValue(stopped)
        return JSONValue.object(object).serialised()
    }

    private func tokenEvent(
        _ change: String,
        _ record: TokenRecord,
        by name: String
    ) -> AuditRecord {
        AuditRecord(
            .token,
            at: parts.clock.timestamp,
            tenant: record.tenant,
            environment: record.environment,
            principal: record.owner,
            run: record.run,
            detail: .fields(
                [
                    RecordField("by", name),
                    record.certificate.map { RecordField("certificate", $0.text) },
                    RecordField("change", change),
                    RecordField("id", record.id),
                    RecordField("tier", record.highestTier.description),
                ].compactMap { $0 }
            )
        )
    }
}
