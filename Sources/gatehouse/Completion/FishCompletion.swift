/// Completion for fish.
enum FishCompletion {
    static func script(_ tree: CompletionTree) -> String {
        var lines = [
            "# Completion of gatehouse for fish: gatehouse completion fish | source",
            "function __gatehouse_words",
            "    set -l words (commandline -opc)",
            "    set -e words[1]",
            "    set -l names",
            "    for word in $words",
            "        string match -q -- '-*' $word; and break",
            "        set -a names $word",
            "    end",
            "    string join ' ' $names",
            "end",
            "function __gatehouse_at",
            "    set -l words (__gatehouse_words)",
            "    test \"$words\" = \"$argv\"",
            "end",
            "function __gatehouse_in",
            "    set -l words (__gatehouse_words)",
            "    string match -q -- \"$argv *\" \"$words \"",
            "end",
            "complete -c gatehouse -f",
            "complete -c gatehouse -n '__gatehouse_at \"\"' -l version -d 'say which version this is'",
            "complete -c gatehouse -l help -d 'say what it does'",
        ]
        for group in tree.groups {
            lines.append(offer("__gatehouse_at \"\"", group.word, group.summary))
            for member in group.members {
                let place = "__gatehouse_at \(group.word)"
                lines.append(offer(place, member.word, member.command.summary))
            }
        }
        for command in tree.commands { lines += following(command) }
        return lines.joined(separator: "\n")
    }

    private static func offer(_ condition: String, _ word: String, _ summary: String) -> String {
        "complete -c gatehouse -n \(quoted(condition)) -a \(quoted(word)) -d \(quoted(summary))"
    }

    private static func following(_ command: Command) -> [String] {
        let start = "complete -c gatehouse -n \(quoted("__gatehouse_in \(command.name)"))"
        var lines = command.options.map { option in
            var line = "\(start) -l \(option.name.dropFirst(2)) -d \(quoted(option.summary))"
            if let value = option.value { line += action(CompletionTree.value(value)) }
            return line
        }
        switch CompletionTree.argument(of: command) {
        case .file, .folder: lines.append("\(start) -F")
        case .words(let words):
            lines.append("\(start) -a \(quoted(words.joined(separator: " ")))")
        case .other: break
        }
        return lines
    }

    private static func action(_ value: CompletionTree.Value) -> String {
        switch value {
        case .file: " -r -F"
        case .folder: " -x -a '(__fish_complete_directories)'"
        case .words(let words): " -x -a \(quoted(words.joined(separator: " ")))"
        case .other: " -x"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = ""
        for character in text {
            if character == "'" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return "'\(result)'"
    }
}
