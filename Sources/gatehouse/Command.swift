import Base
import Gateway
import JSON
import System

/// One command of the command line.
struct Command: Sendable {
    struct Option: Sendable {
        let name: String
        /// What its value stands for; nil for a switch.
        let value: String?
        let summary: String

        init(_ name: String, _ value: String? = nil, _ summary: String) {
            self.name = name
            self.value = value
            self.summary = summary
        }
    }

    let name: String
    let arguments: String
    let summary: String
    let options: [Option]
    /// Runs on a loop; for commands that talk to the gateway.
    var run: (@Sendable (Invocation, EventLoop) async throws -> Int32)?
    /// Runs on the main thread before any loop; for `up`, which makes its own.
    var blocking: (@Sendable (Invocation) throws -> Int32)?

    init(
        _ name: String,
        _ arguments: String = "",
        _ summary: String,
        options: [Option] = [],
        printsJSON: Bool = true,
        usesState: Bool = true,
        run: (@Sendable (Invocation, EventLoop) async throws -> Int32)? = nil,
        blocking: (@Sendable (Invocation) throws -> Int32)? = nil
    ) {
        self.name = name
        self.arguments = arguments
        self.summary = summary
        self.options = options + (usesState ? [Self.state] : []) + (printsJSON ? [Self.json] : [])
        self.run = run
        self.blocking = blocking
    }

    private static let state = Option(
        "--state",
        "FOLDER",
        "the state folder (default: $GATEHOUSE_STATE, else per user)"
    )
    private static let json = Option("--json", nil, "print JSON")

    var usage: String {
        arguments.isEmpty ? "gatehouse \(name)" : "gatehouse \(name) \(arguments)"
    }

    /// How many words may follow, as the usage says it: `A [B] | C` takes two, `[A …]` any number.
    var argumentCount: Int {
        guard !arguments.contains("…") else { return .max }
        return arguments.split(separator: "|").map { $0.split(separator: " ").count }.max() ?? 0
    }
}

/// A command's words, sorted into options and arguments.
struct Invocation: Sendable {
    let arguments: [String]
    private let values: [String: [String]]
    private let usage: String

    init(_ words: [String], for command: Command) throws(ControlError) {
        var arguments: [String] = []
        var values: [String: [String]] = [:]
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            guard word.hasPrefix("--") else {
                arguments.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard let option = command.options.first(where: { $0.name == parts[0] }) else {
                throw ControlError(
                    .usage,
                    "unknown option `\(printable(parts[0]))`"
                        + Spelling.suggestion(for: parts[0], in: command.options.map(\.name)),
                    hint: "`gatehouse \(command.name) --help` lists the options"
                )
            }
            if option.value == nil {
                guard parts.count == 1 else {
                    throw ControlError(.usage, "`\(option.name)` takes no value")
                }
                values[option.name, default: []].append("")
            } else if parts.count == 2 {
                values[option.name, default: []].append(parts[1])
            } else if let value = rest.popFirst() {
                values[option.name, default: []].append(value)
            } else {
                throw ControlError(.usage, "`\(option.name)` needs a value")
            }
        }
        guard arguments.count <= command.argumentCount else {
            throw ControlError(
                .usage,
                "`\(printable(arguments[command.argumentCount]))` is one word too many",
                hint: "usage: \(command.usage)"
            )
        }
        self.arguments = arguments
        self.values = values
        usage = command.usage
    }

    func has(_ option: String) -> Bool { values[option] != nil }
    func all(_ option: String) -> [String] { values[option] ?? [] }
    var wantsJSON: Bool { has("--json") }

    /// The option's one value.
    func value(_ option: String) throws(ControlError) -> String? {
        let given = all(option)
        guard given.count <= 1 else {
            throw ControlError(.usage, "`\(option)` is given twice")
        }
        return given.first
    }

    func argument(_ index: Int, _ what: String) throws(ControlError) -> String {
        guard arguments.indices.contains(index) else {
            throw ControlError(.usage, "\(what) is missing", hint: "usage: \(usage)")
        }
        return arguments[index]
    }

    /// Prints what came of it: a text for people, or the object.
    func report(_ text: String, _ object: JSONObject) {
        Console.print(
            wantsJSON
                ? String(decoding: JSONValue.object(object).serialised(), as: UTF8.self) : text
        )
    }

    /// The state folder this command means.
    func stateFolder() throws -> StateFolder {
        if let path = try value("--state") {
            let base = try Process.workingDirectory()
            return StateFolder(path: Paths.join(base, path))
        }
        return try StateFolder.place(
            environment: { Process.environment($0) },
            isRoot: Process.userID == 0
        )
    }
}

/// The texts of `--help`.
enum Help {
    /// Every command, by what it is for.
    static func overview(_ groups: [CommandGroup]) -> String {
        let width = groups.flatMap(\.commands).map(\.name.count).max() ?? 0
        let sections = groups.flatMap { ["", $0.title + ":"] + rows($0.commands, width: width) }
        let head = [
            "gatehouse: a security gateway and hosting runtime for MCP servers", "",
            "usage: gatehouse COMMAND [OPTIONS]",
        ]
        return (head + sections + foot).joined(separator: "\n")
    }

    /// The commands that begin with the same word.
    static func overview(of word: String, _ commands: [Command]) -> String {
        let width = commands.map(\.name.count).max() ?? 0
        let head = ["usage: gatehouse \(word) COMMAND [OPTIONS]", ""]
        return (head + rows(commands, width: width) + foot).joined(separator: "\n")
    }

    private static func rows(_ commands: [Command], width: Int) -> [String] {
        commands.map { command in
            let pad = String(repeating: " ", count: width - command.name.count)
            return "  \(command.name)\(pad)  \(command.summary)"
        }
    }

    private static let foot = [
        "", "`gatehouse COMMAND --help` explains one. Exit codes: 0 ok, 1 refused,",
        "2 usage or set-up, 3 not reachable, 4 evidence broken, 5 timeout.",
    ]

    static func page(_ command: Command) -> String {
        var lines = ["usage: \(command.usage)", "", command.summary]
        if !command.options.isEmpty { lines += ["", "options:"] }
        for option in command.options {
            let left = option.value.map { "\(option.name) \($0)" } ?? option.name
            let pad = String(repeating: " ", count: max(1, 26 - left.count))
            lines.append("  \(left)\(pad)\(option.summary)")
        }
        return lines.joined(separator: "\n")
    }
}
