import Base
import Gateway
import Glibc
import Storage
import System

/// The command line: finds the command, reads its options, runs it on a loop, and ends with one of
/// the exit codes 0 ok, 1 refused, 2 usage or set-up, 3 not reachable, 4 evidence broken, 5 timeout.
enum GatehouseTool {
    static let version = "0.1.0"

    static func run(_ arguments: [String]) -> Int32 {
        Signals.ignoreBrokenPipes()
        guard let first = arguments.first, first != "--help", first != "-h", first != "help" else {
            Console.print(Help.overview(Commands.groups))
            return arguments.isEmpty ? 2 : 0
        }
        if first == "--version" || first == "version" {
            Console.print("gatehouse \(version)")
            return 0
        }
        guard let (command, rest) = Commands.find(arguments) else {
            let group = Commands.all.filter { $0.name.hasPrefix(first + " ") }
            if !group.isEmpty, arguments.count == 2, ["--help", "-h"].contains(arguments[1]) {
                Console.print(Help.overview(of: first, group))
                return 0
            }
            complain(unknown(arguments, in: group))
            return 2
        }
        if rest.contains("--help") || rest.contains("-h") {
            Console.print(Help.page(command))
            return 0
        }
        do {
            return try runOnLoop(command, try Invocation(rest, for: command))
        } catch {
            return end(with: error)
        }
    }

    private static func unknown(_ words: [String], in group: [Command]) -> ControlError {
        let spelled = words.prefix(group.isEmpty ? 1 : 2).joined(separator: " ")
        let known = group.isEmpty ? Commands.all.flatMap(\.spellings) : group.map(\.name)
        return ControlError(
            .usage,
            "unknown command `\(printable(spelled))`"
                + Spelling.suggestion(for: spelled, in: known),
            hint: Commands.hint(words.first ?? "")
        )
    }

    private static func runOnLoop(_ command: Command, _ invocation: Invocation) throws -> Int32 {
        if let blocking = command.blocking { return try blocking(invocation) }
        guard let body = command.run else { return 2 }
        let loop = try EventLoop()
        let status = Lock<Int32>(0)
        // The loop runs until the command is done; then the process ends.
        loop.spawn {
            do {
                let code = try await body(invocation, loop)
                status.withLock { $0 = code }
            } catch {
                let code = end(with: error)
                status.withLock { $0 = code }
            }
            loop.stop()
        }
        loop.run()
        return status.withLock { $0 }
    }

    static func end(with error: any Error) -> Int32 {
        // Whoever reads what is printed has enough, as in `audit export | head`.
        if let error = error as? SystemError, error.call == "write", error.code == EPIPE {
            return 0
        }
        if let error = error as? ControlError {
            complain(error)
            return Int32(error.code.rawValue)
        }
        if let error = error as? ConfigurationError {
            for error in error.all {
                Console.complain("error: \(error.line)")
                if let hint = error.hint { Console.complain("hint: \(hint)") }
            }
            return 2
        }
        if let error = error as? StoreOpenError {
            Console.complain("error: \(error)")
            if let hint = error.hint { Console.complain("hint: \(hint)") }
            return error.isBrokenEvidence ? 4 : 2
        }
        Console.complain("error: \(error)")
        if let error = error as? SystemError, error.code == EADDRINUSE {
            Console.complain(
                "hint: another program listens there; end it, or take another address: `--listen`, or "
                    + "`listen` and `console` in the configuration"
            )
        }
        return 2
    }

    static func complain(_ error: ControlError) {
        Console.complain("error: \(error)")
        if let hint = error.hint { Console.complain("hint: \(hint)") }
    }
}

func exitNow(_ status: Int32) -> Never { exit(status) }
