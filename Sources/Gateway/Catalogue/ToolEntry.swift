package import Base
import JSON
package import JSONSchema
package import MCP
package import Policy
import Screening

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
    /// How its results are screened, and what they are marked with.
    let screening: ScreeningContext
    /// Whether the lines of its text are entries, by its name.
    let isListing: Bool
    /// How each call of a tool or prompt begins.
    private let opening: [UInt8]

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
        var check: (@Sendable (JSONNode) -> String?)?
        if let output { check = { Self.fault(of: $0, by: output) } }
        screening = ScreeningContext(
            of: upstream.kind.resultKind,
            source: SourceName(reference.description),
            isUntrusted: policy.result != .own,
            checkOutput: check
        )
        opening = ServerCall.opening(upstream.kind.method, name: upstream.wireName)
        isListing = upstream.kind == .tool && ListingLine.isListing(tool: upstream.wireName)
    }

    var kind: OfferKind { upstream.kind }

    /// What is wrong with structured content; it is not screened yet, so that nothing of the value
    /// itself may be told.
    private static func fault(of value: JSONNode, by schema: CompiledSchema) -> String? {
        do throws(SchemaFailure) {
            try schema.validate(value)
            return nil
        } catch {
            return error.description(showsValues: false)
        }
    }

    /// The call as the upstream's definition names things.
    func serverCall(_ form: CallForm) -> ServerCall {
        let arguments =
            switch mapping {
            case .identity: form.bytes
            }
        switch kind {
        case .tool, .prompt:
            return ServerCall(
                kind.method,
                name: upstream.wireName,
                opening,
                arguments,
                mirrored: mirrored(form)
            )
        case .reading, .completion, .resource, .template, .sampling, .roots:
            // What is judged is all there is to the request.
            let root = form.document.root
            return ServerCall(
                method: kind.method,
                name: kind == .completion ? nil : root["uri"]?.string,
                members: root.members.map { ($0.key.text, Array($0.value.source)) },
                mirrored: []
            )
        }
    }

    private func mirrored(_ form: CallForm) -> [(name: String, value: String)] {
        guard !upstream.mirrored.isEmpty else { return [] }
        return upstream.mirrored.compactMap { parameter in
            parameter.value(in: form.document.root).flatMap { parameter.text(of: $0) }.map {
                ("Mcp-Param-" + parameter.header, HeaderMirror.encode($0))
            }
        }
    }
}

/// A resource or a template as lists show it.
package struct ListedItem: Sendable {
    package let definition: ToolDefinition
    package let pin: Digest
    /// Whether a person accepted it as it is; otherwise it is shown because the server is open.
    package let isAccepted: Bool
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

/// Why nothing is known yet of what a server offers.
package enum Silence: Sendable {
    /// It was asked and has not answered yet.
    case starting
    /// It was asked in vain, and is asked again.
    case unreached

    var reason: String {
        switch self {
        case .starting: "is starting"
        case .unreached: "cannot be reached"
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
    /// Why it never said what it offers; nil once it did.
    package let silence: Silence?
    package let instructions: String?
    package let tools: [ToolName: ToolEntry]
    package let hidden: [ToolName: HiddenReason]
    /// Resources and templates that are listed, in the order of their names.
    package let listed: [ListedItem]
    /// What was accepted of a server that did not say yet what it offers now.
    package let promised: Set<OfferKind>
    let facts: ServerDescription.Abilities

    init(
        name: ServerName,
        tenant: TenantID,
        client: MCPClient,
        tally: ServerTally,
        settings: Configuration.Server,
        absence: String?,
        silence: Silence? = nil,
        instructions: String?,
        tools: [ToolName: ToolEntry],
        hidden: [ToolName: HiddenReason],
        listed: [ListedItem] = [],
        promised: Set<OfferKind> = [],
        facts: ServerDescription.Abilities = .init()
    ) {
        self.name = name
        self.tenant = tenant
        self.client = client
        self.tally = tally
        self.settings = settings
        self.absence = absence
        self.silence = silence
        self.instructions = instructions
        self.tools = tools
        self.hidden = hidden
        self.listed = listed
        self.promised = promised
        self.facts = facts
    }

    /// What reading its resources is judged as, where that is offered.
    var reading: ToolEntry? { offer(OfferKind.readingName) }
    var completion: ToolEntry? { offer(OfferKind.completionName) }

    /// What a question of the server to an agent is judged as, where it may ask it.
    func question(_ kind: InputKind) -> ToolEntry? { offer(kind.rawValue) }

    private func offer(_ name: String) -> ToolEntry? {
        (try? ToolName(name)).flatMap { tools[$0] }
    }
}
