import Base
import JSON
package import MCP

/// What a server may ask of the agent behind a call, as the operator wrote it.
package struct ServerAsks: Sendable, Equatable {
    /// How it may ask, if the agent declared the same.
    package var modes: InputModes = []
    /// How many tokens it may ask of a model at once.
    package var samplingTokenCount = Limits.samplingTokenCount
    /// Folders it is told without asking an agent; empty where it may ask one, or nobody.
    package var roots: [String] = []

    package init() {}

    /// Whether it may ask nobody, and is told nothing.
    var isNothing: Bool { modes.rawValue == 0 && roots.isEmpty }

    /// What such a server hears about an agent that declared these.
    func common(with declared: InputModes) -> InputModes {
        let common = modes.intersection(declared)
        return roots.isEmpty ? common : common.union(.roots)
    }

    /// What it is told when it opens.
    var declared: InputModes { common(with: modes) }

    /// What is accepted, placed and judged before an agent is asked.
    var judged: [ToolDefinition?] {
        (modes.contains(.sampling)
            ? [modes.contains(.samplingTools) ? .samplingWithTools : .sampling] : [])
            + (modes.contains(.roots) ? [ToolDefinition.roots] : [])
    }
}

/// Reads what a server may ask: `elicitation`, `sampling` and `roots`.
enum ServerAsksReader {
    static func asks(_ members: [String: Field]) throws(ConfigurationError) -> ServerAsks {
        var asks = ServerAsks()
        asks.modes = try elicitation(members["elicitation"])
        if let field = members["sampling"] {
            let members = try field.members(of: ["max_tokens", "tools"])
            asks.modes.insert(.sampling)
            if try members["tools"]?.bool() == true { asks.modes.insert(.samplingTools) }
            if let most = members["max_tokens"] {
                asks.samplingTokenCount = try most.integer(in: 1...1_000_000)
            }
        }
        guard let field = members["roots"] else { return asks }
        if field.node.kind == .string {
            guard try field.string() == "agent" else { throw wrong(field) }
            asks.modes.insert(.roots)
        } else {
            asks.roots = try field.strings()
            guard (1...Limits.rootCount).contains(asks.roots.count),
                asks.roots.allSatisfy({ $0.hasPrefix("/") && $0.utf8.count <= 4096 })
            else { throw wrong(field) }
        }
        return asks
    }

    private static func wrong(_ field: Field) -> ConfigurationError {
        field.wrong(
            "`roots` is neither `agent` nor a list of up to \(Limits.rootCount) absolute paths",
            hint: "use `roots: agent` to let the server ask, or `roots: [/data/docs]` to tell it"
        )
    }

    private static func elicitation(_ field: Field?) throws(ConfigurationError) -> InputModes {
        var modes: InputModes = []
        for entry in try field?.elements() ?? [] {
            switch try entry.string() {
            case "form": modes.insert(.form)
            case "url": modes.insert(.url)
            default:
                throw entry.wrong(
                    "`elicitation` lists ways a server may ask a person",
                    hint: "use `form`, `url` or both: `elicitation: [form]`"
                )
            }
        }
        return modes
    }
}
