import Base
import Gateway
import JSON
import System

/// Talks to a running gateway over its control socket.
struct ControlClient: Sendable {
    let connection: LineConnection

    /// Connects to the gateway of that state folder.
    static func connect(
        _ state: StateFolder,
        on loop: EventLoop
    ) async throws -> ControlClient {
        do {
            let stream = try await System.Stream.connect(
                to: .unix(path: state.controlSocket),
                on: loop,
                until: loop.now.advanced(by: .seconds(5))
            )
            return ControlClient(
                connection: LineConnection(
                    stream,
                    limit: ControlRequest.byteCountLimit,
                    loop: loop
                )
            )
        } catch {
            throw ControlError(
                .unreachable,
                "no gateway answers in \(state.path)",
                hint: "start one with `gatehouse up`"
            )
        }
    }

    /// Sends one command and returns its result.
    ///
    /// - Parameter deadline: when the gateway must have sent all of it; nil waits as long as it takes.
    func call(
        _ method: String,
        _ params: JSONObject = JSONObject(),
        credential: JSONObject? = nil,
        until deadline: Instant? = nil,
        each: (JSONNode) -> Void = { _ in }
    ) async throws -> JSONNode {
        var object = JSONObject()
        object["method"] = JSONValue(method)
        object["params"] = .object(params)
        if let credential { object["credential"] = .object(credential) }
        guard await connection.send(JSONValue.object(object).serialised()) else {
            throw ControlError(.unreachable, "the gateway closed the connection")
        }
        while let line = await connection.next(until: deadline) {
            let document = try JSONDocument(
                parsing: line,
                limits: JSONLimits(byteCount: ControlRequest.byteCountLimit)
            )
            if let error = document.root["error"], error.kind == .object {
                let number = error["code"]?.number?.int64.flatMap { Int(exactly: $0) } ?? 1
                throw ControlError(
                    ControlError.Code(rawValue: number) ?? .refused,
                    error["message"]?.string ?? "refused",
                    hint: error["hint"]?.string
                )
            }
            if let result = document.root["result"] { return result }
            each(document.root)
        }
        throw ControlError(.unreachable, "the gateway closed the connection")
    }
}

/// What an approver proves to be one with, asked on the terminal only.
enum ApproverPrompt {
    static func credential(_ invocation: Invocation) throws -> JSONObject {
        let terminal: Terminal
        do {
            terminal = try Terminal()
        } catch {
            throw ControlError(
                .refused,
                "this needs an approver's passphrase, which is asked on a terminal",
                hint: "run it in a terminal"
            )
        }
        let name: String
        if let given = try invocation.value("--approver") {
            name = given
        } else {
            name = String(decoding: try terminal.ask("approver: ") ?? [], as: UTF8.self)
        }
        let passphrase = try terminal.ask("passphrase of \(name): ", isSecret: true) ?? []
        var object = JSONObject()
        object["approver"] = JSONValue(name)
        object["passphrase"] = JSONValue(String(decoding: passphrase, as: UTF8.self))
        return object
    }

    /// A new passphrase, typed twice.
    static func newPassphrase(for name: String) throws -> String {
        let terminal = try Terminal()
        let first = try terminal.ask("new passphrase for \(name): ", isSecret: true) ?? []
        let second = try terminal.ask("once more: ", isSecret: true) ?? []
        guard first == second else { throw ControlError(.refused, "the two differ") }
        guard first.count >= Limits.passphraseByteCount else {
            throw ControlError(
                .refused,
                "the passphrase is too short; use at least \(Limits.passphraseByteCount) characters"
            )
        }
        return String(decoding: first, as: UTF8.self)
    }

    static let option = Command.Option("--approver", "NAME", "who decides (default: asked)")
}
