private import Base
private import JSON

extension Configuration {
    /// Takes a client's `mcpServers` file as it is, with every default closed.
    ///
    /// Its plain `env` values are treated as secrets, because that is where clients keep them.
    init(clientFile root: Field) throws(ConfigurationError) {
        guard let list = try root.allMembers().first(where: { $0.0 == "mcpServers" })?.1 else {
            throw root.wrong("the key `mcpServers` is missing")
        }
        var servers: [ServerName: Server] = [:]
        var secrets: [String: SecretSource] = [:]
        for (spelling, entry) in try list.allMembers() {
            // Clients keep servers that are switched off in the same list.
            if entry.node["disabled"]?.bool == true { continue }
            let name = try ServerReader.serverName(Self.usable(spelling), entry)
            guard servers[name] == nil else {
                throw entry.wrong(
                    "two servers are named `\(name)` once their names are made usable"
                )
            }
            servers[name] = try Self.server(name, entry, secrets: &secrets)
        }
        let listen = Listen(
            mcp: "127.0.0.1:8930",
            isOpen: false,
            allowFrom: nil,
            connections: Limits.connectionCount,
            hosts: [],
            origins: [],
            terminatedBy: [],
            tls: nil,
            http2: false,
            control: nil,
            controlFrom: []
        )
        self.init(
            Parts(
                source: root.text,
                environment: EnvironmentName(unchecked: "local"),
                listen: listen,
                console: nil,
                servers: servers,
                secrets: secrets,
                tenants: [:],
                hosting: Hosting(),
                approvals: Approvals(
                    hold: .seconds(50),
                    adapts: true,
                    expiry: .seconds(600),
                    allowsSelf: false,
                    review: Approvals.defaultReview
                ),
                audit: Audit(
                    checkpointFiles: [],
                    resultByteCount: Limits.recordedResultByteCount,
                    dailyByteCount: 4 << 30,
                    retention: nil
                )
            )
        )
    }

    /// `My Server` becomes `my-server`: client files allow any key.
    private static func usable(_ spelling: String) -> String {
        let letters = spelling.lowercased().utf8.map { byte -> UInt8 in
            let isKept = (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
            return isKept ? byte : 0x2d
        }
        let joined = String(decoding: letters, as: UTF8.self)
        return joined.split(separator: "-").joined(separator: "-")
    }

    private static func server(
        _ name: ServerName,
        _ field: Field,
        secrets: inout [String: SecretSource]
    ) throws(ConfigurationError) -> Server {
        var members: [String: Field] = [:]
        for (key, value) in try field.allMembers() { members[key] = value }
        let kind: Server.Kind
        if let url = members["url"] {
            var credential: String?
            for (header, value) in try members["headers"]?.allMembers() ?? [] {
                let text = try value.string()
                guard header.lowercased() == "authorization", text.hasPrefix("Bearer ") else {
                    throw value.wrong(
                        "header `\(header)` cannot be taken over",
                        hint: "only `Authorization: Bearer …`; write the server in gatehouse.yaml"
                    )
                }
                credential = "\(name)-authorization"
                secrets["\(name)-authorization"] = .literal(String(text.dropFirst(7)))
            }
            kind = .http(
                Server.HTTP(
                    url: try ServerReader.url(url),
                    credential: credential,
                    certificateAuthority: nil,
                    addresses: nil,
                    http2: true
                )
            )
        } else {
            guard let command = members["command"] else {
                throw field.wrong("server `\(name)` has neither `command` nor `url`")
            }
            var environment: [String: Server.Value] = [:]
            for (variable, value) in try members["env"]?.allMembers() ?? [] {
                try ServerReader.checkVariable(variable, value)
                let secret = "\(name)-\(variable)"
                secrets[secret] = .literal(try value.string())
                environment[variable] = .exposed(secret)
            }
            kind = .stdio(
                Server.Stdio(
                    command: [try command.string()] + (try members["args"]?.strings() ?? []),
                    environment: environment,
                    workingFolder: try members["cwd"]?.string(),
                    cage: .closed,
                    health: .standard,
                    uses: []
                )
            )
        }
        return Server(
            name: name,
            tenant: .main,
            kind: kind,
            root: nil,
            callTimeout: Limits.callTimeout,
            startTimeout: Limits.serverStart,
            idleTimeout: nil,
            revision: nil,
            asks: ServerAsks()
        )
    }
}
