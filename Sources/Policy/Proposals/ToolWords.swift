/// Words of tool names and what they suggest; English, as tool names are.
enum ToolWords {
    static let execute: Set<String> = [
        "exec", "execute", "run", "shell", "bash", "sh", "powershell", "eval", "evaluate", "spawn",
        "terminal", "command", "cmd", "sudo", "script", "code", "python", "deploy", "invoke",
        "launch", "compile", "install", "apply",
    ]
    static let destroy: Set<String> = [
        "delete", "remove", "rm", "rmdir", "drop", "destroy", "purge", "wipe", "truncate", "erase",
        "kill", "terminate", "stop", "shutdown", "revoke", "reset", "overwrite", "force", "clear",
        "empty", "pay", "transfer", "withdraw", "refund", "charge", "buy", "purchase", "order",
        "send", "mail", "email", "publish", "release", "merge", "rebase", "cancel", "close",
        "disable", "rotate", "grant", "move", "rename", "replace", "unlink", "archive", "ban",
        "invite", "approve", "post", "tweet", "reply", "notify", "broadcast", "share", "migrate",
    ]
    static let write: Set<String> = [
        "write", "create", "make", "mkdir", "add", "append", "insert", "update", "edit", "set",
        "put", "patch", "modify", "change", "save", "store", "upload", "commit", "push", "comment",
        "assign", "label", "tag", "copy", "checkout", "branch", "init", "open", "register",
        "enable", "start", "schedule", "book", "import", "fork", "clone", "download", "draft",
        "mark", "upsert", "touch", "attach", "link", "generate",
    ]
    static let read: Set<String> = [
        "read", "get", "list", "ls", "search", "find", "fetch", "show", "describe", "view",
        "count", "stat", "stats", "info", "head", "tail", "diff", "log", "logs", "status",
        "lookup", "look", "check", "cat", "grep", "glob", "query", "browse", "inspect", "tree",
        "history", "whoami", "ping", "convert", "current", "time", "now", "exists", "resolve",
        "summarize", "summarise", "preview", "validate", "compare", "echo", "calculate", "blame",
    ]

    /// Splits `readFile`, `read_file`, `HTTPGet` and `read-file` into lower-case words.
    static func split(_ name: String) -> [String] {
        let bytes = Array(name.utf8)
        var words: [String] = []
        var word: [UInt8] = []
        func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
        func isLower(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
        for (index, byte) in bytes.enumerated() {
            guard isUpper(byte) || isLower(byte) else {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
                continue
            }
            let beginsWord =
                isUpper(byte) && index > 0
                && (isLower(bytes[index - 1])
                    || (index + 1 < bytes.count && isLower(bytes[index + 1])))
            if beginsWord, !word.isEmpty {
                words.append(String(decoding: word, as: UTF8.self))
                word = []
            }
            word.append(byte | 0x20)
        }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}
