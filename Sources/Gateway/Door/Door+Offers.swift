import Audit
import Base
import JSON
import MCP
import Screening

/// What is particular to results of prompts, resources and completions.
extension Door {
    /// A server's error to what is no tool goes on as an error, screened: it has no other place.
    func passOn(
        _ judged: JudgedCall,
        _ result: UpstreamResult,
        _ code: Int64,
        _ message: String,
        _ data: JSONNode?
    ) async -> CallAnswer {
        let text = screener.screen(text: message)
        let said = data.flatMap { $0.source.count <= 16 << 10 ? screener.screen(value: $0) : nil }
        let names =
            Set(text.report.redactions.keys).union(
                said.map { Set($0.report.redactions.keys) } ?? []
            )
        await settleInOrder(
            judged,
            OutcomeDetail(
                status: .fault,
                duration: result.duration,
                redacted: names.sorted(),
                error: "upstream error \(code)"
            ),
            received: result.bytes
        )
        return .protocolError(
            ProtocolError(
                Self.code(code, for: judged.call.revision),
                text.text,
                status: code == -32021 ? 400 : 200,
                data: said.map { Array($0.bytes) }
            )
        )
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
        case .tool: .tool
        case .prompt: .prompt
        case .reading, .resource, .template: .resource
        case .completion: .completion
        }
    }
}
