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
            await gateway.send(request(tool, arguments.root.value))
            while let line = await gateway.next() {
                let answer = try JSONDocument(
                    parsing: line,
                    limits: JSONLimits(byteCount: Limits.lineByteCount * 2)
                )
                guard answer.root["id"] != nil else { continue }
                await gateway.close()
                return show(answer.root, asJSON: invocation.wantsJSON)
            }
            throw ControlError(.unreachable, "the gateway closed the connection")
        }
    )

    /// A self-contained request of 2026-07-28.
    private static func request(_ tool: String, _ arguments: JSONValue) -> [UInt8] {
        let value: JSONValue = [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": [
                "name": JSONValue(tool),
                "arguments": arguments,
                "_meta": [
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": .object(JSONObject()),
                ],
            ],
        ]
        return value.serialised()
    }

    private static func show(_ answer: JSONNode, asJSON: Bool) -> Int32 {
        if asJSON {
            Console.print(String(decoding: answer.source, as: UTF8.self))
        } else if let error = answer["error"] {
            Console.complain("error: \(printable(error["message"]?.string ?? "", limit: 500))")
        } else {
            for block in answer["result"]?["content"]?.elements.map({ $0 }) ?? [] {
                Console.print(block["text"]?.string ?? "[\(block["type"]?.string ?? "?")]")
            }
        }
        return answer["error"] != nil || answer["result"]?["isError"]?.bool == true ? 1 : 0
    }
}
