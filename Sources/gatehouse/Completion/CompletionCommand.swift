import Base
import Gateway
import System

/// `gatehouse completion`: a script that teaches a shell the commands and options, made from the
/// same tree that `--help` is made from.
enum CompletionCommand {
    static let command = Command(
        "completion",
        "SHELL",
        "print a script that completes commands and options in bash, zsh or fish",
        printsJSON: false,
        usesState: false,
        blocking: { invocation in
            let name = try invocation.argument(0, "the shell")
            guard let shell = shells[name] else {
                throw ControlError(
                    .usage,
                    "there is no completion for `\(printable(name))`"
                        + Spelling.suggestion(for: name, in: shells.keys),
                    hint: "use bash, zsh or fish"
                )
            }
            Console.print(shell(CompletionTree(Commands.all)))
            return 0
        }
    )

    private static let shells: [String: @Sendable (CompletionTree) -> String] = [
        "bash": BashCompletion.script, "zsh": ZshCompletion.script, "fish": FishCompletion.script,
    ]
}

/// The commands as a shell meets them, word by word.
struct CompletionTree {
    /// What can follow an option, or stand as a word of its own.
    enum Value: Equatable {
        case file, folder
        case words([String])
        /// Names only the gateway knows.
        case other
    }

    /// A first word, with a summary, and what may follow it.
    struct Group {
        let word: String
        let command: Command?
        let members: [(word: String, command: Command)]
    }

    let groups: [Group]
    let commands: [Command]

    init(_ commands: [Command]) {
        self.commands = commands
        var order: [String] = []
        var own: [String: Command] = [:]
        var members: [String: [(word: String, command: Command)]] = [:]
        for command in commands {
            let words = command.name.split(separator: " ").map(String.init)
            guard let first = words.first else { continue }
            if !order.contains(first) { order.append(first) }
            if words.count > 1 {
                members[first, default: []].append((words[1], command))
            } else {
                own[first] = command
            }
        }
        groups = order.map { Group(word: $0, command: own[$0], members: members[$0] ?? []) }
    }

    static func value(_ spelling: String) -> Value {
        switch spelling {
        case "FILE": .file
        case "FOLDER": .folder
        case "SHELL": .words(["bash", "fish", "zsh"])
        case "T0-T3": .words(["T0", "T1", "T2", "T3"])
        default: .other
        }
    }

    /// What the words after a command can be.
    static func argument(of command: Command) -> Value {
        let words = command.arguments.split(whereSeparator: { " []|…".contains($0) })
        return words.first.map { value(String($0)) } ?? .other
    }
}

extension CompletionTree.Group {
    var summary: String {
        command?.summary ?? members.map(\.word).joined(separator: ", ")
    }
}
