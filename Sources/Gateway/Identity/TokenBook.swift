package import Audit
package import Base
package import Crypto
package import JSON
package import Policy
package import System

/// A bearer token as it is kept: everything but the secret, of which only SHA-256 is stored.
package struct TokenRecord: Sendable, Equatable {
    /// Public name of the token: 12 hexadecimal digits.
    package let id: String
    package let hash: Digest
    package let owner: PrincipalName
    package let tenant: TenantID
    package let environment: EnvironmentName
    package let servers: [ServerName]?
    package let tools: [ToolPattern]?
    package let highestTier: RiskTier
    /// Addresses and ranges it may come from; nil for any.
    package let allowedFrom: [String]?
    package let issued: Timestamp
    package let expires: Timestamp?
    /// The run handle minted with it.
    package let run: String
    /// The client certificate that is this credential; its secret was told to nobody.
    package let certificate: CertificateName?

    /// Who calls with this token.
    package func makePrincipal() -> Principal { makePrincipal(nil) }

    func makePrincipal(_ standing: CredentialStanding?) -> Principal {
        Principal(
            owner: owner,
            token: id,
            tenant: tenant,
            environment: environment,
            run: run,
            servers: servers.map { Set($0) },
            tools: tools,
            highestTier: highestTier,
            standing: standing
        )
    }

    /// The same credential under another secret.
    func rotated(id: String, hash: Digest, issued: Timestamp, run: String) -> TokenRecord {
        TokenRecord(
            id: id,
            hash: hash,
            owner: owner,
            tenant: tenant,
            environment: environment,
            servers: servers,
            tools: tools,
            highestTier: highestTier,
            allowedFrom: allowedFrom,
            issued: issued,
            expires: expires,
            run: run,
            certificate: certificate
        )
    }

    package var key: StateKey { StateKey(tenant, .tokens, id) }

    /// As it is stored and listed; never the secret.
    package var value: JSONValue {
        var object = JSONObject()
        object["id"] = JSONValue(id)
        object["hash"] = JSONValue(hash.description)
        object["owner"] = JSONValue(owner.rawValue)
        object["tenant"] = JSONValue(tenant.rawValue)
        object["environment"] = JSONValue(environment.rawValue)
        if let servers {
            object["servers"] = .array(servers.map { JSONValue($0.rawValue) })
        }
        if let tools { object["tools"] = .array(tools.map { JSONValue($0.text) }) }
        object["tier"] = JSONValue(highestTier.description)
        if let allowedFrom {
            object["allow_from"] = .array(allowedFrom.map { JSONValue($0) })
        }
        object["issued"] = JSONValue(issued.milliseconds)
        if let expires { object["expires"] = JSONValue(expires.milliseconds) }
        object["run"] = JSONValue(run)
        if let certificate { object["certificate"] = JSONValue(certificate.text) }
        return .object(object)
    }

    package init?(_ root: JSONNode) {
        guard let id = root["id"]?.string,
            let hash = root["hash"]?.string.flatMap({ Hex.decode($0) })
                .flatMap({ Digest(bytes: $0) }),
            let owner = root["owner"]?.string.flatMap({ try? PrincipalName($0) }),
            let tenant = root["tenant"]?.string.flatMap({ try? TenantID($0) }),
            let environment = root["environment"]?.string
                .flatMap({ try? EnvironmentName($0) }),
            let tier = root["tier"]?.string.flatMap({ RiskTier(spelling: $0) }),
            let issued = root["issued"]?.number?.int64,
            let run = root["run"]?.string
        else { return nil }
        // An end that cannot be read must not become a token without end.
        if let end = root["expires"], end.number?.int64 == nil { return nil }
        certificate = root["certificate"]?.string.flatMap { CertificateName($0) }
        // Nor one of a certificate a token of nobody.
        if root["certificate"] != nil, certificate == nil { return nil }
        self.id = id
        self.hash = hash
        self.owner = owner
        self.tenant = tenant
        self.environment = environment
        servers = root["servers"].map { list in
            list.elements.compactMap { $0.string.flatMap { try? ServerName($0) } }
        }
        tools = root["tools"].map { list in
            list.elements.compactMap { $0.string.flatMap { try? ToolPattern($0) } }
        }
        highestTier = tier
        allowedFrom = root["allow_from"].map { list in list.elements.compactMap(\.string) }
        self.issued = Timestamp(milliseconds: issued)
        expires = root["expires"]?.number?.int64.map { Timestamp(milliseconds: $0) }
        self.run = run
    }

    package init(
        id: String,
        hash: Digest,
        owner: PrincipalName,
        tenant: TenantID,
        environment: EnvironmentName,
        servers: [ServerName]?,
        tools: [ToolPattern]?,
        highestTier: RiskTier,
        allowedFrom: [String]?,
        issued: Timestamp,
        expires: Timestamp?,
        run: String,
        certificate: CertificateName? = nil
    ) {
        self.id = id
        self.hash = hash
        self.owner = owner
        self.tenant = tenant
        self.environment = environment
        self.servers = servers
        self.tools = tools
        self.highestTier = highestTier
        self.allowedFrom = allowedFrom
        self.issued = issued
        self.expires = expires
        self.run = run
        self.certificate = certificate
    }
}

/// The live tokens, looked up on every request.
///
/// The look-up is by the SHA-256 of what was sent, so that its time says nothing of the secret.
package final class TokenBook: Sendable {
    private struct Tables {
        var byHash: [Digest: Entry] = [:]
        var byKey: [PrincipalKey: Entry] = [:]
        var byCertificate: [CertificateName: Entry] = [:]
    }

    /// Shared, so that a look-up copies nothing of it.
    private final class Entry: Sendable {
        let record: TokenRecord
        let principal: Principal
        let end: Deadline?
        let standing: CredentialStanding

        init(_ record: TokenRecord, at now: Moment) {
            self.record = record
            end = record.expires.map { end in
                Deadline(kept: end, atMost: end.duration(since: record.issued), from: now)
            }
            standing = CredentialStanding(until: end)
            principal = record.makePrincipal(standing)
        }
    }

    private let tables = Lock(Tables())
    private let hashing: any Hashing
    private let clock: any Clock

    package enum Refused: Error, Equatable {
        case unknown
        case expired
        case address
    }

    package init(hashing: any Hashing, clock: any Clock) {
        self.hashing = hashing
        self.clock = clock
    }

    package func load(from store: any RecordStore) async throws(StoreError) {
        for entry in try await store.allEntries(.tokens) {
            guard let document = try? JSONDocument(parsing: entry.value),
                let record = TokenRecord(document.root), record.key == entry.key
            else { continue }
            insert(record)
        }
    }

    package func insert(_ record: TokenRecord) {
        let entry = Entry(record, at: Moment(clock))
        tables.withLock { tables in
            tables.byHash[record.hash] = entry
            let key = PrincipalKey(tenant: record.tenant, token: record.id)
            tables.byKey.updateValue(entry, forKey: key)?.standing.leaveBook()
            if let name = record.certificate { tables.byCertificate[name] = entry }
        }
    }

    @discardableResult
    package func remove(id: String, tenant: TenantID) -> TokenRecord? {
        tables.withLock { tables in
            let key = PrincipalKey(tenant: tenant, token: id)
            guard let entry = tables.byKey.removeValue(forKey: key) else { return nil }
            entry.standing.leaveBook()
            if let name = entry.record.certificate { tables.byCertificate[name] = nil }
            return tables.byHash.removeValue(forKey: entry.record.hash)?.record
        }
    }

    /// Puts `successor` in the place of a token; false, and it is not in the book, when that token has
    /// left it meanwhile.
    func replace(_ record: TokenRecord, with successor: TokenRecord) -> Bool {
        guard remove(id: record.id, tenant: record.tenant) != nil else { return false }
        insert(successor)
        return true
    }

    package var all: [TokenRecord] {
        tables.withLock { $0.byHash.values.map(\.record) }.sorted {
            ($0.tenant, $0.id) < ($1.tenant, $1.id)
        }
    }

    /// Whether that very credential, as it was found, still stands in the book; false for who has none
    /// there.
    func holds(_ principal: Principal) -> Bool {
        principal.standing?.isLive(by: clock) ?? false
    }

    /// Whether that token still lives; asked at the door, and again just before a call is sent.
    package func isLive(_ principal: Principal) -> Bool {
        if let standing = principal.standing, standing.isLive(by: clock) { return true }
        if principal.token == Principal.openToken { return true }
        guard let entry = tables.withLock({ $0.byKey[principal.key] }) else { return false }
        return entry.end.map { !$0.isOver(at: Moment(clock)) } ?? true
    }

    /// Who calls with that secret.
    ///
    /// - Parameter peer: where it came from; nil over the agent socket.
    package func principal(
        for secret: [UInt8],
        from peer: SocketAddress?
    ) throws(Refused) -> Principal {
        guard secret.count <= 256 else { throw .unknown }
        let hash = hashing.sha256(secret)
        guard let entry = tables.withLock({ $0.byHash[hash] }) else { throw .unknown }
        return try checked(entry, from: peer)
    }

    /// Who calls with that certificate: the one credential that names it.
    ///
    /// Several of its names in several credentials are nobody: which of them would be a guess.
    package func principal(
        for certificate: Certificate,
        from peer: SocketAddress
    ) throws(Refused) -> Principal {
        let names = CertificateName.all(in: certificate)
        let found = tables.withLock { tables in names.compactMap { tables.byCertificate[$0] } }
        guard let entry = found.first, found.allSatisfy({ $0 === entry }) else { throw .unknown }
        return try checked(entry, from: peer)
    }

    /// The credential that names a certificate so.
    package func record(of name: CertificateName) -> TokenRecord? {
        tables.withLock { $0.byCertificate[name]?.record }
    }

    private func checked(
        _ entry: Entry,
        from peer: SocketAddress?
    ) throws(Refused) -> Principal {
        let record = entry.record
        if let end = entry.end, end.isOver(at: Moment(clock)) { throw .expired }
        if let allowed = record.allowedFrom {
            guard case .ip(let ip, _)? = peer,
                allowed.contains(where: { AddressRange($0)?.contains(ip.unmapped) ?? false })
            else { throw .address }
        }
        return entry.principal
    }

    /// A new secret: `gh_` and 256 random bits; shown once, stored never.
    package static func newSecret(from random: any RandomSource) -> String {
        "gh_" + Base64.encode(random.bytes(count: 32), .urlSafe)
    }
}
