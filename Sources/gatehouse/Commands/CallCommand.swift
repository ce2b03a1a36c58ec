import Base
import Gateway
import JSON
import System

/// `gatehouse call`: one governed call from the command line, as any agent would make it.
enum CallCommand {
    static let command = Command(
        "call",
        "SERVER TOOL [ARGUMENTS]",
        "make one tool call through the gateway; the arguments are a JSON object",
        options: [
            Command.Option("--token-file", "FILE", "the credential (default: $GATEHOUSE_TOKEN)")
        ],
        run: { invocation, loop in
            let secret = try ConnectCommand.secret(invocation)
            let server = try invocation.argument(0, "the server")
            let tool = try invocation.argument(1, "the tool")
            let text = invocation.arguments.count > 2 ? invocation.arguments[2] : "{}"
            let arguments: JSONDocument
            do {
                arguments = try JSONDocument(parsing: Array(text.utf8))
            } catch {
                throw ControlError(.usage, "the arguments are not JSON: \(error)")
            }
            let gateway = try await ConnectCommand.open(invocation, loop)
            try await ConnectCommand.greet(gateway, secret, server)
            let answer = try await answer(to: arguments.root.value, of: tool, by: gateway)
            await gateway.close()
            return show(answer.root, asJSON: invocation.wantsJSON)
        }
    )

    /// How often the call is sent at most.
    ///
    /// Nothing is declared that a server could ask for, so only a wait for a person comes in legs, and
    /// its last one has a text for an answer.
    private static let legCount = Limits.heldLegCount + 1

    /// The answer to the call, which is sent again as often as it is told to wait on.
    private static func answer(
        to arguments: JSONValue,
        of tool: String,
        by gateway: LineConnection
    ) async throws -> JSONDocument {
        var state: JSONValue?
        var told = ""
        for leg in 1...legCount {
            await gateway.send(request(leg, tool, arguments, state))
            let answer = try await next(from: gateway, id: leg, &told)
            state = whatToBring(answer.root)
            guard state != nil else { return answer }
            Console.complain("note: not answered yet; the call is sent again to wait on")
        }
        throw ControlError(.timeout, "no answer after \(legCount) times of asking")
    }

    /// The answer to request `id`.
    ///
    /// What comes before it, such as that a person is waited for, is said on standard error, unless
    /// that is what was `told` last.
    private static func next(
        from gateway: LineConnection,
        id: Int,
        _ told: inout String
    ) async throws -> JSONDocument {
        while let line = await gateway.next() {
            let message = try JSONDocument(
                parsing: line,
                limits: JSONLimits(byteCount: Limits.lineByteCount * 2)
            )
            if let step = message.root["params"]?["message"]?.string, step != told {
                told = step
                Console.complain("note: \(printable(step, limit: 500))")
            }
            guard let given = message.root["id"] else { continue }
            // An error in what could not be read has no id of ours.
            if given.isNull || given.number?.text == String(id) { return message }
        }
        throw ControlError(.unreachable, "the gateway closed the connection")
    }

    /// The state of a call that is to be sent again as it was; nil where it is answered, or asks
    /// something (2026-07-28, basic/patterns/mrtr).
    private static func whatToBring(_ answer: JSONNode) -> JSONValue? {
        guard let result = answer["result"], isUnanswered(result),
            result["inputRequests"]?.count ?? 0 == 0
        else { return nil }
        return result["requestState"]?.value
    }

    private static func isUnanswered(_ result: JSONNode) -> Bool {
        result["resultType"]?.isString("input_required") == true
    }

    /// A self-contained request of 2026-07-28.
    private static func request(
        _ id: Int,
        _ tool: String,
        _ arguments: JSONValue,
        _ state: JSONValue?
    ) -> [UInt8] {
        var params = JSONObject()
        params["name"] = JSONValue(tool)
        params["arguments"] = arguments
        params["requestState"] = state
        params["_meta"] = [
            "progressToken": JSONValue(id),
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": .object(JSONObject()),
        ]
        let value: JSONValue = [
            "jsonrpc": "2.0", "id": JSONValue(id), "method": "tools/call",
            "params": .object(params),
        ]
        return value.serialised()
    }

    private static func show(_ answer: JSONNode, asJSON: Bool) -> Int32 {
        if asJSON {
            Console.print(String(decoding: answer.source, as: UTF8.self))
        } else if let error = answer["error"] {
            Console.complain("error: \(printable(error["message"]?.string ?? "", limit: 500))")
        } else if let result = answer["result"], isUnanswered(result) {
            Console.complain("error: the server asks what this command cannot answer")
        } else {
            for block in answer["result"]?["content"]?.elements.map({ $0 }) ?? [] {
                Console.print(block["text"]?.string ?? "[\(block["type"]?.string ?? "?")]")
            }
        }
        guard let result = answer["result"], !isUnanswered(result) else { return 1 }
        return result["isError"]?.bool == true ? 1 : 0
    }
}
