/// Every command, in the order of `--help`.
enum Commands {
    static let all: [Command] =
        [
            InitCommand.command, UpCommand.command, ConnectCommand.command, CallCommand.command,
            CheckCommand.command,
            StatusCommands.status, LockdownCommand.command, KillCommand.command,
            CompletionCommand.command,
        ]
        + ConfigCommands.all + PolicyCommands.all + CageCommands.all + ServerCommands.all
        + ToolCommands.all
        + ApprovalCommands.all + GrantCommands.all + BreakGlassCommands.all
        + TokenCommands.all + ApproverCommands.all + EgressCommands.all
        + SecretCommands.all + AuditCommands.all

    /// The command the words begin with, and what is left of them; two-word names come first.
    static func find(_ words: [String]) -> (Command, [String])? {
        for count in [2, 1] where words.count >= count {
            let name = words.prefix(count).joined(separator: " ")
            if let command = all.first(where: { $0.name == name }) {
                return (command, Array(words.dropFirst(count)))
            }
        }
        return nil
    }

    /// What somebody who wrote `tools` may have meant.
    static func hint(_ word: String) -> String {
        let group = all.map(\.name).filter { $0.hasPrefix(word + " ") }
        return group.isEmpty
            ? "`gatehouse --help` lists the commands"
            : "there are " + group.map { "`\($0)`" }.joined(separator: ", ")
    }
}

extension Command {
    /// Its name, and that of the group it is in.
    var spellings: [String] {
        [name] + (name.split(separator: " ").first.map { [String($0)] } ?? [])
    }
}
