import Base
import Crypto
import Gateway
import JSON
import System

/// `gatehouse init`: makes the state folder and the first approver, before anything listens.
enum InitCommand {
    static let command = Command(
        "init",
        "[APPROVER]",
        "make the state folder, the first approver and a first token, before anything listens",
        options: [
            Command.Option("--config", "FILE", "the configuration (default: gatehouse.yaml)"),
            Command.Option("--token-to", "FILE", "also make a token, in a new owner-only file"),
            Command.Option("--owner", "NAME", "whom that token belongs to (default: local)"),
        ],
        blocking: run
    )

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let name = try invocation.arguments.first.map { try PrincipalName($0) }
        let tokenFile = try invocation.value("--token-to")
        let owner = try PrincipalName(try invocation.value("--owner") ?? "local")
        guard name != nil || tokenFile != nil else {
            throw ControlError(
                .usage,
                "nothing to make",
                hint: "name the first approver, or a file for a first token (`--token-to FILE`)"
            )
        }
        let path = Paths.join(
            try Process.workingDirectory(),
            try invocation.value("--config") ?? "gatehouse.yaml"
        )
        let set = try ConfigurationFiles.read(path, hashing: OpenSSLHashing())
        let state = try invocation.stateFolder()
        try state.prepare(user: Process.userID)
        let lock = try System.LockFile(state.lockFile, note: "pid \(Process.identifier)")
        let loop = try EventLoop()
        let gateway = try Gateway.open(
            set,
            folder: Files.split(path).folder,
            state: state,
            loop: loop,
            parts: UpCommand.parts()
        )
        let failure = Lock<(any Error)?>(nil)
        // The loop runs exactly as long as this.
        loop.spawn {
            do {
                try await gateway.loadForInit()
                if tokenFile != nil { try await gateway.requireNoToken() }
                if let name {
                    let passphrase = try ApproverPrompt.newPassphrase(for: name.rawValue)
                    try await gateway.makeFirstApprover(name, passphrase: Array(passphrase.utf8))
                }
                if let tokenFile {
                    let secret = try await gateway.makeFirstToken(for: owner)
                    try Files.create(tokenFile, with: Array(secret.utf8) + [0x0a], mode: 0o600)
                }
            } catch {
                failure.withLock { $0 = error }
            }
            await gateway.shutDown()
            loop.stop()
        }
        loop.run()
        _ = consume lock
        if let error = failure.withLock({ $0 }) { return GatehouseTool.end(with: error) }
        var lines: [String] = []
        var made: JSONObject = ["state": JSONValue(state.path)]
        if let name {
            lines.append("\(name) may decide now")
            made["approver"] = JSONValue(name.rawValue)
        }
        if let tokenFile {
            lines.append("a token of \(owner) is in \(tokenFile)")
            made["token"] = JSONValue(tokenFile)
        }
        lines.append("start the gateway with `gatehouse up`")
        invocation.report(lines.joined(separator: "\n"), made)
        return 0
    }
}
