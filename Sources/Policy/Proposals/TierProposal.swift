import Base
package import JSON

/// What a person is shown when a tool waits to be placed; it decides nothing by itself.
///
/// Everything a server says of its tools is what an attacker would write (docs/architecture.md,
/// rule 6): a name that destroys raises, an annotation that destroys raises, but no annotation lowers
/// what the name or the schema suggest, and a name that says nothing stays T2.
package struct TierProposal: Sendable, Equatable {
    package let tier: RiskTier
    /// A scope to start from; nil when none can be guessed, and then a T1 tool asks.
    package let scope: ArgumentConstraints?
    /// Why, one line each, printable.
    package let reasons: [String]

    /// What the operator knows that helps with a scope.
    package struct Surroundings: Sendable {
        /// Folders the server may write, as it sees them.
        package let writeFolders: [String]

        package init(writeFolders: [String] = []) { self.writeFolders = writeFolders }
    }

    /// `definition` is a tool as `tools/list` carries it.
    package init(definition: JSONNode, surroundings: Surroundings = Surroundings()) {
        var builder = TierProposalBuilder()
        builder.judgeName(definition["name"]?.string ?? "")
        builder.judgeAnnotations(definition["annotations"])
        let properties = builder.judgeSchema(definition["inputSchema"])
        tier = builder.tier
        scope =
            builder.tier == .scopedWrite
            ? Self.scope(for: properties, folders: surroundings.writeFolders) : nil
        if builder.tier == .scopedWrite, scope == nil {
            builder.say("no scope can be guessed: write one, or every call asks")
        }
        reasons = builder.reasons
    }

    /// Each argument that looks like a path, held to the folders the server may write.
    private static func scope(
        for properties: [(name: String, schema: JSONNode)],
        folders: [String]
    ) -> ArgumentConstraints? {
        let globs = folders.compactMap { folder in
            try? PathGlob((folder.hasSuffix("/") ? folder : folder + "/") + "**")
        }
        guard let first = globs.first else { return nil }
        let constraint: Constraint =
            globs.count == 1 ? .glob(first) : .anyOf(globs.map { [.glob($0)] })
        let entries = properties.filter { isPath($0.name) }.map { property in
            ArgumentConstraints.Entry(
                pointer: JSONPointer(tokens: [JSONString(property.name)]),
                constraints: [constraint]
            )
        }
        return entries.isEmpty ? nil : ArgumentConstraints(entries)
    }

    private static let pathWords: Set<String> = [
        "path", "paths", "file", "files", "filename", "filepath", "dir", "directory", "folder",
        "source", "destination", "target",
    ]

    private static func isPath(_ name: String) -> Bool {
        ToolWords.split(name).contains { pathWords.contains($0) }
    }
}

struct TierProposalBuilder {
    private(set) var tier = RiskTier.read
    private(set) var reasons: [String] = []

    mutating func say(_ text: String) { reasons.append(text) }

    private mutating func raise(to new: RiskTier, _ why: String) {
        tier = max(tier, new)
        say("\(new): \(why)")
    }

    mutating func judgeName(_ name: String) {
        let words = ToolWords.split(name)
        let kinds: [(RiskTier, Set<String>, String)] = [
            (.execute, ToolWords.execute, "executes"),
            (.destructive, ToolWords.destroy, "destroys or cannot be undone"),
            (.scopedWrite, ToolWords.write, "writes"), (.read, ToolWords.read, "reads"),
        ]
        for (tier, known, what) in kinds {
            guard let word = words.first(where: { known.contains($0) }) else { continue }
            raise(to: tier, "`\(word)` in its name \(what)")
            return
        }
        raise(to: .unplaced, "its name says nothing known")
    }

    /// Hints only raise: `readOnlyHint: true` and `destructiveHint: false` lower nothing.
    mutating func judgeAnnotations(_ annotations: JSONNode?) {
        guard let annotations else { return }
        if annotations["destructiveHint"]?.bool == true {
            raise(to: .destructive, "it says of itself that it destroys")
        }
        if annotations["readOnlyHint"]?.bool == false {
            raise(to: .scopedWrite, "it says of itself that it does not only read")
        }
        if annotations["readOnlyHint"]?.bool == true {
            say("it says of itself that it only reads; that lowers nothing")
        }
        if annotations["openWorldHint"]?.bool == true {
            say("it says of itself that it talks to the outside")
        }
    }

    private static let executing: Set<String> = [
        "command", "cmd", "commands", "script", "shell", "code", "argv", "program", "expression",
    ]
    private static let addresses: Set<String> = [
        "url", "uri", "urls", "endpoint", "webhook", "href",
    ]

    /// Looks at the arguments; gives their names and schemas back, sorted by name.
    mutating func judgeSchema(_ schema: JSONNode?) -> [(name: String, schema: JSONNode)] {
        let properties = schema?["properties"]
        guard let properties, properties.kind == .object else {
            raise(to: .destructive, "its schema names no arguments, so nothing about them is known")
            return []
        }
        if let rest = schema?["additionalProperties"], rest.bool != false {
            say("its schema lets through arguments that it does not name")
        }
        let members = properties.members.prefix(256).map { (name: $0.key.text, schema: $0.value) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (name, property) in members {
            let words = ToolWords.split(name)
            let shown = printable(name)
            if words.contains(where: { Self.executing.contains($0) }) {
                raise(to: .execute, "argument `\(shown)` looks like something to execute")
            }
            let mentionsSQL = property["description"]?.string.map { text in
                ToolWords.split(text).contains("sql")
            }
            if words.contains("sql") || mentionsSQL == true {
                raise(to: .destructive, "argument `\(shown)` takes SQL")
            }
            let isAddress =
                property["format"]?.isString("uri") == true
                || words.contains { Self.addresses.contains($0) }
            if isAddress {
                raise(
                    to: .scopedWrite,
                    "argument `\(shown)` is an address: whoever it names hears of the call"
                )
            }
        }
        return members
    }
}
