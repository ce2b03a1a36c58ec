/// Reads how a listener speaks TLS.
enum TLSReader {
    /// How many certificates a listener may choose among.
    static let identityCount = 64

    static func read(_ field: Field) throws(ConfigurationError) -> Configuration.TLS? {
        let members = try field.members(
            of: ["certificate", "key", "certificates", "clients", "terminated_by"]
        )
        let identities = try identities(members, field)
        if members["terminated_by"] != nil, !identities.isEmpty {
            throw field.wrong(
                "`tls` has certificates and `terminated_by`; either the gateway speaks TLS or a "
                    + "proxy in front of it does"
            )
        }
        guard !identities.isEmpty else {
            if let clients = members["clients"] {
                throw clients.wrong("`clients` needs a certificate of the gateway's own")
            }
            guard members["terminated_by"] != nil else {
                throw field.wrong(
                    "`tls` says nothing",
                    hint: "write `tls: { certificate: FILE, key: FILE }`"
                )
            }
            return nil
        }
        return Configuration.TLS(
            identities: identities,
            clients: try members["clients"].map(clients)
        )
    }

    private static func clients(
        _ field: Field
    ) throws(ConfigurationError) -> Configuration.TLS.Clients {
        let members = try field.members(of: ["ca", "required"])
        guard let authorities = members["ca"] else {
            throw field.wrong(
                "`clients` needs `ca`",
                hint: "name the file of the authorities whose certificates agents show"
            )
        }
        return Configuration.TLS.Clients(
            authorities: try authorities.string(),
            isRequired: try members["required"]?.bool() ?? false
        )
    }

    private static func identities(
        _ members: [String: Field],
        _ field: Field
    ) throws(ConfigurationError) -> [Configuration.TLS.Identity] {
        guard let list = members["certificates"] else {
            guard members["certificate"] != nil || members["key"] != nil else { return [] }
            return [try identity(members, field)]
        }
        guard members["certificate"] == nil, members["key"] == nil else {
            throw list.wrong(
                "`certificates` stands beside `certificate`; write all of them into the list"
            )
        }
        let elements = try list.elements()
        guard (1...identityCount).contains(elements.count) else {
            throw list.wrong("`certificates` must have 1 to \(identityCount) entries")
        }
        var identities: [Configuration.TLS.Identity] = []
        for element in elements {
            let members = try element.members(of: ["certificate", "key"])
            identities.append(try identity(members, element))
        }
        return identities
    }

    private static func identity(
        _ members: [String: Field],
        _ field: Field
    ) throws(ConfigurationError) -> Configuration.TLS.Identity {
        guard let certificate = members["certificate"], let key = members["key"] else {
            throw field.wrong(
                "`certificate` and `key` go together",
                hint: "write `{ certificate: FILE, key: FILE }`, both in PEM form"
            )
        }
        return Configuration.TLS.Identity(
            certificate: try certificate.string(),
            key: try key.string()
        )
    }
}
