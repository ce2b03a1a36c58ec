/// Commands that serve one purpose, under one heading of `--help`.
struct CommandGroup: Sendable {
    let title: String
    let commands: [Command]
}

/// Every command, in the order of `--help`.
enum Commands {
    static let groups: [CommandGroup] = [
        CommandGroup(
            title: "run it, connect, look",
            commands: [
                InitCommand.command, UpCommand.command, StatusCommands.status,
                ConnectCommand.command, CallCommand.command, CompletionCommand.command,
            ]
        ),
        CommandGroup(
            title: "stop things",
            commands: [LockdownCommand.command, KillCommand.command] + TokenCommands.stops
        ),
        CommandGroup(
            title: "configuration and policy",
            commands: [CheckCommand.command] + ConfigCommands.all + PolicyCommands.all
        ),
        CommandGroup(
            title: "servers, their cages and their tools",
            commands: ServerCommands.all + CageCommands.all + ToolCommands.all
        ),
        CommandGroup(
            title: "questions to people",
            commands: ApprovalCommands.all + GrantCommands.all + BreakGlassCommands.all
        ),
        CommandGroup(
            title: "credentials of agents, and who may decide",
            commands: TokenCommands.all + ApproverCommands.all
        ),
        CommandGroup(
            title: "ways out of cages, and secrets",
            commands: EgressCommands.all + SecretCommands.all
        ),
        CommandGroup(title: "evidence", commands: AuditCommands.all),
    ]

    static let all: [Command] = groups.flatMap(\.commands)

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
