import Base
import Crypto
import Gateway
import System

/// `gatehouse init`: makes the state folder and the first approver, before anything listens.
enum InitCommand {
    static let command = Command(
        "init",
        "APPROVER",
        "make the state folder and the first approver; asks for a passphrase on the terminal",
        options: [
            Command.Option("--config", "FILE", "the configuration (default: gatehouse.yaml)")
        ],
        blocking: run
    )

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let name = try PrincipalName(try invocation.argument(0, "the approver's name"))
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
                try await gateway.loadApprovers()
                guard await gateway.hasNoApprover else {
                    throw ControlError(
                        .refused,
                        "there is an approver already",
                        hint: "an approver adds others with `gatehouse approvers add`"
                    )
                }
                let passphrase = try ApproverPrompt.newPassphrase(for: name.rawValue)
                try await gateway.makeFirstApprover(name, passphrase: Array(passphrase.utf8))
            } catch {
                failure.withLock { $0 = error }
            }
            await gateway.shutDown()
            loop.stop()
        }
        loop.run()
        _ = consume lock
        if let error = failure.withLock({ $0 }) { return GatehouseTool.end(with: error) }
        Console.print("\(name) may decide now; start the gateway with `gatehouse up`")
        return 0
    }
}
