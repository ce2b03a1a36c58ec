package import Base
import JSON
private import JSONSchema
package import MCP
package import Policy
package import Screening

/// Decides of each tool a server lists whether it is offered, and compiles what its calls need.
///
/// A tool is offered only when its definition is the accepted one, byte for byte; a new or changed
/// one is hidden alone and never touches the others.
package struct CatalogueBuilder: Sendable {
    package let policy: CheckedPolicy
    package let lock: LockFile
    package let hashing: any Hashing
    private let screener: Screener
    private let tally: GateTally
    private let schemas: SchemaCompiler

    package init(
        policy: CheckedPolicy,
        lock: LockFile,
        hashing: any Hashing,
        engine: any PatternEngine,
        screener: Screener,
        tally: GateTally
    ) {
        self.screener = screener
        self.tally = tally
        self.policy = policy
        self.lock = lock
        self.hashing = hashing
        schemas = SchemaCompiler(patterns: engine)
    }

    /// What a server offers, from what it says and what was accepted.
    ///
    /// - Parameter absence: why it cannot be reached now; what it said before still stands.
    package func entry(
        of server: Configuration.Server,
        client: MCPClient,
        description: ServerDescription,
        absence: String? = nil,
        program: ProgramStanding? = nil
    ) -> ServerEntry {
        let hasAcceptedProgram = program?.refusal == nil
        let pins = lock.pins(of: server.name, server.tenant)
        var tools: [ToolName: ToolEntry] = [:]
        var hidden: [ToolName: HiddenReason] = [:]
        var listed: [ListedItem] = []
        for unusable in description.unusable {
            if let name = try? ToolName(unusable.name) { hidden[name] = .unusable(unusable.reason) }
        }
        var isRepeated: Set<ToolName> = []
        var seen: Set<ToolName> = []
        for tool in description.tools where !seen.insert(tool.name).inserted {
            isRepeated.insert(tool.name)
        }
        let names = Set(description.tools.map(\.name))
        let renames = Renames(pins, description, listed: names)
        let isOpen = isOpen(server)
        for tool in description.tools {
            let name = tool.name
            guard !isRepeated.contains(name) else {
                hidden[name] = .unusable("the server lists two \(tool.kind.noun)s of this name")
                continue
            }
            guard !screener.holdsKnownSecret(tool.node.source) else {
                hidden[name] = .unusable("the definition holds the value of a secret")
                continue
            }
            let pin = Self.pin(of: tool, hashing)
            if !tool.kind.isJudged, hasAcceptedProgram {
                let isAccepted = pins.tools[name] == pin
                if isAccepted || isOpen {
                    let shown = isAccepted ? tool : screened(tool)
                    listed.append(ListedItem(definition: shown, pin: pin, isAccepted: isAccepted))
                    continue
                }
            }
            switch pins.tools[name] {
            case pin where !hasAcceptedProgram:
                hidden[name] = program.map { .program($0) }
            case pin:
                switch compile(tool, pin: pin, of: server) {
                case .success(let entry): tools[name] = entry
                case .failure(let reason): hidden[name] = .unusable(reason.text)
                }
            case let accepted?:
                hidden[name] = .changed(from: accepted, to: pin)
            case nil:
                hidden[name] = renames.before(tool, hashing).map { .renamed(from: $0) } ?? .new
            }
        }
        return ServerEntry(
            name: server.name,
            tenant: server.tenant,
            client: client,
            tally: tally.server(server.tenant, server.name),
            settings: server,
            absence: absence,
            instructions: hasAcceptedProgram ? instructions(description, pins) : nil,
            tools: tools,
            hidden: hidden,
            listed: listed.sorted { $0.definition.name < $1.definition.name },
            facts: description.abilities
        )
    }

    /// Without what looks like a secret or like a mark of ours.
    private func screened(_ item: ToolDefinition) -> ToolDefinition {
        let bytes = screener.screen(value: item.node).bytes
        guard bytes != item.node.source, let document = try? JSONDocument(parsing: bytes),
            let definition = try? ToolDefinition(document.root, as: item.kind)
        else { return item }
        return definition
    }

    /// Whether the operator lets a server list resources that nobody looked at.
    private func isOpen(_ server: Configuration.Server) -> Bool {
        guard let name = ToolDefinition.reading?.name else { return false }
        let reference = ToolReference(server: server.name, tool: name)
        return policy.policy(for: reference, tenant: server.tenant)?.isOpen ?? false
    }

    /// A server that never said what it offers: it offers nothing, and says why.
    package func absent(
        _ server: Configuration.Server,
        client: MCPClient,
        _ silence: Silence
    ) -> ServerEntry {
        ServerEntry(
            name: server.name,
            tenant: server.tenant,
            client: client,
            tally: tally.server(server.tenant, server.name),
            settings: server,
            absence: silence.reason,
            silence: silence,
            instructions: nil,
            tools: [:],
            hidden: [:],
            promised: Set(
                lock.pins(of: server.name, server.tenant).tools.keys.map { OfferKind(of: $0) }
            )
        )
    }

    /// The digest of a definition as the server wrote it.
    package static func pin(of tool: ToolDefinition, _ hashing: any Hashing) -> Digest {
        hashing.sha256(Array(tool.node.source))
    }

    /// Instructions are read by the model like a description: shown only when accepted.
    private func instructions(
        _ description: ServerDescription,
        _ pins: LockFile.Server
    ) -> String? {
        guard let text = description.instructions,
            pins.instructions == hashing.sha256(Array(text.utf8)),
            !screener.holdsKnownSecret(Array(text.utf8)[...])
        else { return nil }
        return text
    }

    private struct Unusable: Error { let text: String }

    private func compile(
        _ tool: ToolDefinition,
        pin: Digest,
        of server: Configuration.Server
    ) -> Result<ToolEntry, Unusable> {
        let reference = ToolReference(server: server.name, tool: tool.name)
        let statement = policy.policy(for: reference, tenant: server.tenant)
        guard let statement else {
            return .failure(Unusable(text: "no policy covers this server"))
        }
        do {
            let input = try schemas.compile(
                tool.inputSchema,
                closing: statement.isOpen ? .asWritten : .unlessOpen
            )
            let output = try tool.outputSchema.map { try schemas.compile($0) }
            // A schema that names no property says nothing of what the tool does with what it gets.
            // A prompt's arguments are all it says of itself, and it does nothing but write a text.
            let floor =
                input.hasProperties || tool.kind != .tool
                ? nil
                : TierRaise(to: .destructive, fact: "the tool's schema names no properties")
            guard
                let applied = policy.policy(
                    for: reference,
                    tenant: server.tenant,
                    floor: floor
                )
            else { return .failure(Unusable(text: "no policy covers this server")) }
            return .success(
                ToolEntry(
                    reference: reference,
                    published: tool,
                    upstream: tool,
                    mapping: .identity,
                    pin: pin,
                    input: input,
                    output: output,
                    policy: applied
                )
            )
        } catch {
            return .failure(Unusable(text: "the schema does not compile: \(error)"))
        }
    }
}

/// Recognises a tool that appears while an accepted one of the same definition, but for the name, is
/// gone.
struct Renames {
    private let gone: [(name: ToolName, pin: Digest)]

    /// Each pair is a hash of a whole definition; a server that lists more than this is not looked
    /// at so closely.
    private static let pairCount = 1024

    init(_ pins: LockFile.Server, _ description: ServerDescription, listed: Set<ToolName>) {
        let gone = pins.tools.filter { !listed.contains($0.key) }.sorted { $0.key < $1.key }
        let newCount = listed.count - pins.tools.count + gone.count
        self.gone =
            gone.count * max(0, newCount) <= Self.pairCount ? gone.map { ($0.key, $0.value) } : []
    }

    /// The accepted tool that this one was, but for the name.
    func before(_ tool: ToolDefinition, _ hashing: any Hashing) -> ToolName? {
        gone.first { hashing.sha256(Self.text(of: tool, named: $0.name)) == $0.pin }?.name
    }

    /// The definition's bytes with another name in the place of its own.
    private static func text(of tool: ToolDefinition, named name: ToolName) -> [UInt8] {
        guard let node = tool.node["name"] else { return [] }
        let source = tool.node.source
        let inner = node.source
        return Array(source[..<inner.startIndex]) + JSONValue(name.rawValue).serialised()
            + Array(source[inner.endIndex...])
    }
}
