import Audit
import Base
import JSON
import MCP
import Policy
import Screening

/// What is particular to results of prompts, resources and completions.
extension Door {
    /// A server's error to what is no tool goes on as an error, screened and between marks like any
    /// other words of it: it has no other place.
    ///
    /// Of its `data` an agent is given what the protocol has it read, nothing else.
    func passOn(
        _ judged: JudgedCall,
        _ result: UpstreamResult,
        _ code: Int64,
        _ message: String,
        _ data: JSONNode?
    ) async -> CallAnswer {
        let text = screener.screen(
            text: message,
            untrustedSource: judged.tool.policy.result == .own
                ? nil : judged.tool.reference.description
        )
        await settleInOrder(
            judged,
            OutcomeDetail(
                status: .fault,
                duration: result.duration,
                redacted: text.report.redactions.keys.sorted(),
                error: "upstream error \(code)"
            ),
            received: result.bytes
        )
        return .protocolError(
            ProtocolError(
                Self.code(code, for: judged.call.revision),
                text.text,
                status: code == -32021 ? 400 : 200,
                data: code == -32021 ? data.flatMap(Self.missing) : nil
            )
        )
    }

    /// Which capabilities a server missed (2026-07-28, basic), of those the protocol names.
    private static func missing(_ data: JSONNode) -> [UInt8]? {
        guard let required = data["requiredCapabilities"], required.kind == .object else {
            return nil
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("requiredCapabilities")
        writer.beginObject()
        for name in ["elicitation", "sampling", "roots"] {
            guard let part = required.member(name) else { continue }
            writer.key(name)
            writer.beginObject()
            for mode in ["form", "url", "context", "tools", "listChanged"]
            where part.member(mode) != nil {
                writer.key(mode)
                writer.beginObject()
                writer.endObject()
            }
            writer.endObject()
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// The code as the agent's revision knows it; codes nobody defined are an internal error.
    static func code(_ code: Int64, for revision: Revision) -> ErrorCode {
        switch code {
        case -32602: .invalidParams
        case -32601: .methodNotFound
        case -32021 where revision.isModern: .missingClientCapability
        case -32002: revision.isModern ? .invalidParams : .resourceNotFound
        default: .internalError
        }
    }

    /// The result with its URIs as the agent's endpoint spells them.
    static func named(_ root: JSONNode, for judged: JudgedCall) -> JSONNode {
        guard judged.call.endpoint == .all else { return root }
        let server = judged.tool.reference.server
        guard
            let bytes = LinkNaming.renamed(
                root,
                of: judged.tool.kind,
                by: { Naming.joined(server, uri: $0) }
            ), let document = try? JSONDocument(parsing: bytes, limits: .screened)
        else { return root }
        return document.root
    }
}

extension OfferKind {
    var resultKind: ResultKind {
        switch self {
        // Of what agents answer nothing is shown to a model: it is screened as a plain value.
        case .tool, .sampling, .roots: .tool
        case .prompt: .prompt
        case .reading, .resource, .template: .resource
        case .completion: .completion
        }
    }
}
