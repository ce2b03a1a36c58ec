package import Base
import JSON
package import JSONSchema
package import MCP
package import Policy

/// A tool of an upstream as the gateway offers it.
///
/// The agent sees `published`; the upstream is called by `upstream` with `mapping` applied to the
/// arguments. Today the mapping is the identity; a narrowed tool changes the published definition
/// and the mapping, and nothing else of the path.
package final class ToolEntry: Sendable {
    package enum Mapping: Sendable { case identity }

    package let reference: ToolReference
    package let published: ToolDefinition
    package let upstream: ToolDefinition
    package let mapping: Mapping
    /// SHA-256 of the definition's bytes, as accepted.
    package let pin: Digest
    package let input: CompiledSchema
    package let output: CompiledSchema?
    /// The compiled policy that applies to this tool, and its digest.
    package let policy: ToolPolicy

    init(
        reference: ToolReference,
        published: ToolDefinition,
        upstream: ToolDefinition,
        mapping: Mapping,
        pin: Digest,
        input: CompiledSchema,
        output: CompiledSchema?,
        policy: ToolPolicy
    ) {
        self.reference = reference
        self.published = published
        self.upstream = upstream
        self.mapping = mapping
        self.pin = pin
        self.input = input
        self.output = output
        self.policy = policy
    }

    /// The arguments as the upstream's definition names them.
    func upstreamArguments(_ form: CallForm) -> [UInt8] {
        switch mapping {
        case .identity: form.bytes
        }
    }
}

/// Why a tool is not offered; for the operator.
package enum HiddenReason: Sendable, Equatable, CustomStringConvertible {
    /// Never accepted.
    case new
    /// Differs from what was accepted.
    case changed(from: Digest, to: Digest)
    /// Vanished while another appeared with the same definition but for the name.
    case renamed(from: ToolName)
    case unusable(String)
    /// The definition is the accepted one, the program behind it is not.
    case program(ProgramStanding)

    /// Whether it was accepted as something else.
    package var isDrift: Bool {
        switch self {
        case .changed, .renamed, .program: true
        case .new, .unusable: false
        }
    }

    package var description: String {
        switch self {
        case .new: "never accepted; run `gatehouse tools approve`"
        case .changed: "changed since it was accepted; run `gatehouse tools approve`"
        case .renamed(let old): "was `\(old)`; run `gatehouse tools approve`"
        case .unusable(let reason): reason
        case .program(let standing): standing.refusal ?? "its program was accepted"
        }
    }
}

/// A server with what it offers now.
package final class ServerEntry: Sendable {
    package let name: ServerName
    package let tenant: TenantID
    package let client: MCPClient
    package let tally: ServerTally
    package let settings: Configuration.Server
    /// Why the server could not be reached when it was last asked; nil when it answered.
    package let absence: String?
    package let instructions: String?
    package let tools: [ToolName: ToolEntry]
    package let hidden: [ToolName: HiddenReason]

    init(
        name: ServerName,
        tenant: TenantID,
        client: MCPClient,
        tally: ServerTally,
        settings: Configuration.Server,
        absence: String?,
        instructions: String?,
        tools: [ToolName: ToolEntry],
        hidden: [ToolName: HiddenReason]
    ) {
        self.name = name
        self.tenant = tenant
        self.client = client
        self.tally = tally
        self.settings = settings
        self.absence = absence
        self.instructions = instructions
        self.tools = tools
        self.hidden = hidden
    }
}
