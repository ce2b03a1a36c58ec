/// Completion for bash 4 and newer.
enum BashCompletion {
    static func script(_ tree: CompletionTree) -> String {
        var lines = [
            "# Completion of gatehouse for bash: source <(gatehouse completion bash)",
            "_gatehouse() {",
            "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
            "    local name=${COMP_WORDS[1]} options= files= folders= tiers= others= words= takes_file=",
            "    COMPREPLY=()",
            "    if ((COMP_CWORD == 1)); then",
            "        words='\(first(tree))'",
            "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")",
            "        return",
            "    fi",
            "    case \"$name ${COMP_WORDS[2]}\" in",
        ]
        for group in tree.groups where !group.members.isEmpty {
            for member in group.members {
                lines.append(
                    "        '\(group.word) \(member.word)') name='\(member.command.name)' ;;"
                )
            }
        }
        lines += ["    esac", "    case $name in"]
        for group in tree.groups where !group.members.isEmpty {
            let members = group.members.map(\.word).joined(separator: " ")
            lines += [
                "        \(group.word)) ((COMP_CWORD == 2)) && words='\(members)' ;;&"
            ]
        }
        for command in tree.commands { lines.append("        " + branch(command)) }
        return (lines + tail).joined(separator: "\n")
    }

    private static func first(_ tree: CompletionTree) -> String {
        (tree.groups.map(\.word) + ["--help", "--version"]).joined(separator: " ")
    }

    /// Sets what may follow one command.
    private static func branch(_ command: Command) -> String {
        let options = command.options
        func named(_ value: CompletionTree.Value) -> String {
            options.filter { $0.value.map(CompletionTree.value) == value }.map(\.name)
                .joined(separator: " ")
        }
        let names = options.map(\.name) + ["--help"]
        var sets = ["options='\(names.joined(separator: " "))'"]
        for (variable, value) in [
            ("files", CompletionTree.Value.file), ("folders", .folder), ("others", .other),
            ("tiers", .words(["T0", "T1", "T2", "T3"])),
        ] where !named(value).isEmpty {
            sets.append("\(variable)='\(named(value))'")
        }
        switch CompletionTree.argument(of: command) {
        case .words(let words): sets.append("words='\(words.joined(separator: " "))'")
        case .file: sets.append("takes_file=1")
        case .folder, .other: break
        }
        return "'\(command.name)') \(sets.joined(separator: " ")) ;;"
    }

    private static let tail = [
        "    esac",
        "    case \" $files \" in *\" $before \"*) _gatehouse_paths -f; return ;; esac",
        "    case \" $folders \" in *\" $before \"*) _gatehouse_paths -d; return ;; esac",
        "    case \" $others \" in *\" $before \"*) return ;; esac",
        "    case \" $tiers \" in *\" $before \"*) words='T0 T1 T2 T3' options= ;; esac",
        "    case $current in",
        "        -*) words=$options ;;",
        "        *) [ -n \"$takes_file\" ] && _gatehouse_paths -f && return ;;",
        "    esac",
        "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")",
        "}",
        "_gatehouse_paths() {",
        "    compopt -o filenames 2>/dev/null",
        "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$current\")",
        "}",
        "complete -F _gatehouse gatehouse",
    ]
}
