/// Completion for zsh.
enum ZshCompletion {
    static func script(_ tree: CompletionTree) -> String {
        var lines = [
            "#compdef gatehouse",
            "# Completion of gatehouse for zsh: source <(gatehouse completion zsh)",
            "_gatehouse() {",
            "    local -a offered",
            "    if (( CURRENT == 2 )); then",
            "        offered=(\(described(tree.groups.map { ($0.word, $0.summary) })))",
            "        _describe command offered",
            "        return",
            "    fi",
            "    local name=$words[2]",
            "    case \"$words[2] $words[3]\" in",
        ]
        for command in tree.commands where command.name.contains(" ") {
            lines.append("        \(quoted(command.name))) name=\(quoted(command.name)) ;;")
        }
        lines += ["    esac", "    if (( CURRENT == 3 )); then", "        case $words[2] in"]
        for group in tree.groups where !group.members.isEmpty {
            let members = described(group.members.map { ($0.word, $0.command.summary) })
            lines.append("            \(group.word)) offered=(\(members)) ;;")
        }
        lines += [
            "        esac",
            "        (( $#offered )) && _describe command offered",
            "    fi",
            "    if [[ $name == *' '* ]]; then",
            "        shift 2 words; (( CURRENT -= 2 ))",
            "    else",
            "        shift words; (( CURRENT -= 1 ))",
            "    fi",
            "    (( CURRENT > 1 )) || return",
            "    case $name in",
        ]
        for command in tree.commands {
            let parts =
                command.options.map(option) + ["'--help[say what it does]'", argument(command)]
            lines.append(
                "        \(quoted(command.name))) _arguments \(parts.joined(separator: " ")) ;;"
            )
        }
        lines += [
            "    esac", "}", "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then",
            "    _gatehouse \"$@\"", "else", "    compdef _gatehouse gatehouse", "fi",
        ]
        return lines.joined(separator: "\n")
    }

    private static func option(_ option: Command.Option) -> String {
        let text = "*\(option.name)[\(escaped(option.summary))]"
        guard let value = option.value else { return quoted(text) }
        return quoted("\(text):\(escaped(value)):\(action(CompletionTree.value(value)))")
    }

    private static func argument(_ command: Command) -> String {
        quoted("*: :\(action(CompletionTree.argument(of: command)))")
    }

    private static func action(_ value: CompletionTree.Value) -> String {
        switch value {
        case .file: "_files"
        case .folder: "_files -/"
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .other: " "
        }
    }

    private static func described(_ list: [(String, String)]) -> String {
        list.map { quoted("\($0):\(escaped($1))") }.joined(separator: " ")
    }

    /// For `_arguments` and `_describe`, where brackets and colons mean something.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            if "[]:\\".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }

    private static func quoted(_ text: String) -> String {
        "'"
            + text.split(separator: "'", omittingEmptySubsequences: false).joined(
                separator: "'\\''"
            )
            + "'"
    }
}
