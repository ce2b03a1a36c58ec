package import Base
private import JSON
package import Policy

/// `gatehouse.lock`: what a person accepted, as a sorted text beside the configuration.
///
/// Pins come from here only; tiers and scopes where `gatehouse.yaml` does not state them.
package struct LockFile: Sendable, Equatable {
    /// What was accepted of one server.
    package struct Server: Sendable, Equatable {
        package var instructions: Digest?
        package var tools: [ToolName: Digest]

        package init(instructions: Digest? = nil, tools: [ToolName: Digest] = [:]) {
            self.instructions = instructions
            self.tools = tools
        }
    }

    package struct Tenant: Sendable, Equatable {
        package var servers: [ServerName: Server] = [:]
        package var tools: [ToolReference: ToolStatement] = [:]

        package init() {}
    }

    package var tenants: [TenantID: Tenant]

    package init(tenants: [TenantID: Tenant] = [:]) { self.tenants = tenants }

    package static let empty = LockFile()

    package func pins(of server: ServerName, _ tenant: TenantID) -> Server {
        tenants[tenant]?.servers[server] ?? Server()
    }

    // MARK: Reading

    package init(_ text: SourceText) throws(ConfigurationError) {
        let root = Field(root: text)
        let members = try root.members(of: ["gatehouse-lock", "tenants"])
        guard let version = members["gatehouse-lock"] else {
            throw root.wrong("the key `gatehouse-lock` is missing", hint: "is this a lock file?")
        }
        _ = try version.integer(in: 1...1)
        tenants = [:]
        for (name, field) in try members["tenants"]?.allMembers() ?? [] {
            let id: TenantID
            do throws(InvalidName) {
                id = try TenantID(name)
            } catch {
                throw field.wrong("\(error)")
            }
            tenants[id] = try Self.tenant(field)
        }
    }

    private static func tenant(_ field: Field) throws(ConfigurationError) -> Tenant {
        let members = try field.members(of: ["pins", "tools"])
        var tenant = Tenant()
        for (name, entry) in try members["pins"]?.allMembers() ?? [] {
            tenant.servers[try ServerReader.serverName(name, entry)] = try server(entry)
        }
        if let tools = members["tools"] {
            tenant.tools = try statements(tools)
        }
        return tenant
    }

    /// `server.tool: { tier, scope, … }`, in the policy's own grammar.
    private static func statements(
        _ field: Field
    ) throws(ConfigurationError) -> [ToolReference: ToolStatement] {
        var result: [ToolReference: ToolStatement] = [:]
        for (spelling, entry) in try field.allMembers() {
            guard let reference = ToolReference(spelling) else {
                throw entry.wrong("`\(spelling)` names no tool; write `server.tool`")
            }
            let text = field.text
            do throws(PolicyLoadError) {
                result[reference] = try ToolStatement(
                    json: entry.node,
                    at: entry.pointer,
                    positions: { text.position($0) }
                )
            } catch {
                throw ConfigurationError(
                    file: text.file,
                    position: error.problems.first?.position,
                    problem: error.description
                )
            }
        }
        return result
    }

    private static func server(_ field: Field) throws(ConfigurationError) -> Server {
        let members = try field.members(of: ["instructions", "tools"])
        var server = Server(instructions: try members["instructions"]?.digest())
        for (spelling, pin) in try members["tools"]?.allMembers() ?? [] {
            let name: ToolName
            do throws(InvalidName) {
                name = try ToolName(spelling)
            } catch {
                throw pin.wrong("\(error)")
            }
            server.tools[name] = try pin.digest()
        }
        return server
    }

    // MARK: Writing

    /// The file's text; equal locks have equal texts.
    package var text: String {
        var lines = [
            "# What was accepted of each server: a changed tool is hidden until a person looks.",
            "# Written by `gatehouse tools approve`; review it like code.",
            "gatehouse-lock: 1",
        ]
        guard !tenants.isEmpty else { return lines.joined(separator: "\n") + "\ntenants: {}\n" }
        lines.append("tenants:")
        for (id, tenant) in tenants.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(id):")
            Self.write(tenant, to: &lines)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func write(_ tenant: Tenant, to lines: inout [String]) {
        lines.append(tenant.servers.isEmpty ? "    pins: {}" : "    pins:")
        for (name, server) in tenant.servers.sorted(by: { $0.key < $1.key }) {
            lines.append("      \(name):")
            if let digest = server.instructions {
                lines.append("        instructions: sha256:\(digest)")
            }
            lines.append(server.tools.isEmpty ? "        tools: {}" : "        tools:")
            for (tool, pin) in server.tools.sorted(by: { $0.key < $1.key }) {
                lines.append("          \(quoted(tool.rawValue)): sha256:\(pin)")
            }
        }
        lines.append(tenant.tools.isEmpty ? "    tools: {}" : "    tools:")
        for (reference, statement) in tenant.tools.sorted(by: { $0.key < $1.key }) {
            let value = readable(statement.value)
            lines.append("      \(quoted(reference.description)): \(value)")
        }
    }

    /// JSON's quoting is YAML's double quoting too.
    private static func quoted(_ text: String) -> String { readable(JSONValue(text)) }

    /// JSON text that a YAML reader takes as well.
    ///
    /// What YAML does not allow unescaped (1.2.2, 5.1), or would take for the end of a line, is
    /// escaped; such characters stand in strings only.
    private static func readable(_ value: JSONValue) -> String {
        var text = ""
        for scalar in String(decoding: value.serialised(), as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x7f...0x9f, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Field {
    func digest() throws(ConfigurationError) -> Digest {
        let text = try string()
        guard text.hasPrefix("sha256:"), let bytes = Hex.decode(text.dropFirst(7)),
            let digest = Digest(bytes: bytes)
        else { throw wrong("`\(name)` must be `sha256:` and 64 hexadecimal digits") }
        return digest
    }
}
