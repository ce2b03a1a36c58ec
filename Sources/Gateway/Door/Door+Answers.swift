import Base
import JSON
import MCP
import System

/// What an agent answers to its server during a call.
///
/// It passes the same steps as the call, as the same call with answers: an agent can write what it
/// likes and call it a person's, so that it is judged, asked about where the call is, and on the
/// record before the server has it.
extension Door {
    /// What a server is told where nobody answers, or nobody may.
    static let cancelled = Array(#"{"action":"cancel"}"#.utf8)

    /// The answers by their keys, as they may be given to the server; nil where they may not.
    func admit(
        _ answers: [UInt8],
        to asked: [UInt8],
        during judged: JudgedCall,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation
    ) async -> JSONNode? {
        guard let given = try? GivenAnswers(responses: answers, to: asked, state: nil) else {
            return nil
        }
        let call = ToolCall(judged.call, answering: given, at: loop.now)
        let answer = await decide(
            ResolvedCall(call: call, tool: judged.tool, server: judged.resolved.server),
            id: newCallID(),
            channel: channel,
            cancellation: cancellation
        )
        // A lockdown or a new rule since then holds for what the server is told, too.
        guard changed(since: judged) == nil, case .result(let node, _) = answer else { return nil }
        return node
    }

    static func object(_ members: [(key: String, value: [UInt8])]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (key, value) in members {
            writer.key(key)
            writer.raw(value)
        }
        writer.endObject()
        return writer.bytes
    }
}
