package import JSON

/// What is known about the tool whose result is screened.
package struct ScreeningContext: Sendable {
    /// The tool as agents name it; it stands in the untrusted mark.
    package let source: String
    /// Whether nobody vouches for what the tool returns.
    package let isUntrusted: Bool
    package let limits: ResultLimits
    /// Whether a value is what the tool's `outputSchema` promises: nil, or what is wrong.
    ///
    /// Nil when the tool has none. It is asked before redaction and, if that changed the value,
    /// after it.
    package let checkOutput: (@Sendable (JSONNode) -> String?)?

    package init(
        source: String,
        isUntrusted: Bool = true,
        limits: ResultLimits = .standard,
        checkOutput: (@Sendable (JSONNode) -> String?)? = nil
    ) {
        self.source = source
        self.isUntrusted = isUntrusted
        self.limits = limits
        self.checkOutput = checkOutput
    }
}

/// A result that is not what the upstream promised; the call failed at the upstream.
package enum ResultFault: Error, Equatable, Sendable, CustomStringConvertible {
    case notAnObject
    /// Where content is something else than blocks, nothing can be marked.
    case content
    case structuredContentMissing
    case outputSchema(String)

    package var description: String {
        switch self {
        case .notAnObject: "the server's result is no JSON object"
        case .content:
            "the server's `content` is no array of objects whose `text` and `data` are strings"
        case .structuredContentMissing:
            "the server promises structured content by `outputSchema` and sent none"
        case .outputSchema(let reason):
            "the server's structured content breaks its own `outputSchema`: \(reason)"
        }
    }
}

/// The result of a tool call as an agent may see it; only the screener makes one.
package struct ScreenedResult: Sendable {
    /// The result object as JSON text; the upstream's own bytes when nothing had to change.
    package let bytes: ArraySlice<UInt8>
    package let report: ScreeningReport

    init(bytes: ArraySlice<UInt8>, report: ScreeningReport) {
        self.bytes = bytes
        self.report = report
    }
}

extension Screener {
    /// The key in `_meta` under which a result says that nobody vouches for it.
    package static let untrustedLabel = "dev.gatehouse/untrusted"
    static let ownNamespace = "dev.gatehouse/"

    /// Screens the `result` of a `tools/call`.
    ///
    /// Throws when the result breaks the tool's `outputSchema` as it came. Everything else ends in
    /// a result: over budget, it is one that says it was withheld.
    package func screen(
        result node: JSONNode,
        context: ScreeningContext
    ) throws(ResultFault) -> ScreenedResult {
        guard node.kind == .object else { throw .notAnObject }
        if let content = node["content"], !Self.isBlocks(content) { throw .content }
        let structured = node["structuredContent"]
        if let check = context.checkOutput {
            if let structured {
                if let reason = check(structured) { throw .outputSchema(reason) }
            } else if node["isError"]?.bool != true {
                throw .structuredContentMissing
            }
        }
        var report = ScreeningReport()
        let found: Examination
        do {
            found = try examine(node, &report)
        } catch {
            report = ScreeningReport()
            report.withheld.append("\(error)")
            return withheld("\(error)", of: node, report)
        }
        var composer = ResultComposer(
            node: node,
            context: context,
            edits: found.edits,
            random: random,
            report: report
        )
        composer.replaceBlocks(holding: found.binaries)
        composer.composeContent()
        composer.label()
        if let structured, let reason = composer.structuredFault(structured) {
            return composer.withoutStructured(reason)
        }
        return composer.result()
    }

    private static func isBlocks(_ content: JSONNode) -> Bool {
        content.kind == .array
            && content.elements.allSatisfy { block in
                guard block.kind == .object else { return false }
                let resource = block["resource"]
                return (resource == nil || resource?.kind == .object)
                    && [block["text"], block["data"], resource?["text"], resource?["blob"]]
                        .allSatisfy { $0 == nil || $0?.kind == .string || $0?.isNull == true }
            }
    }

    /// A screened value of structured content as a text, between marks where the result it came in
    /// is labelled: for agents of revisions that cannot carry it otherwise.
    package static func text(of value: JSONNode, in result: JSONNode) -> String {
        let text = String(decoding: value.source, as: UTF8.self)
        let label = result["_meta"]?.member(untrustedLabel)
        guard let source = label?["source"]?.string, let id = label?["id"]?.string else {
            return text
        }
        return UntrustedMarker.opening(source: source, id: id) + "\n" + text + "\n"
            + UntrustedMarker.closing(id: id)
    }

    private func withheld(
        _ reason: String,
        of node: JSONNode,
        _ report: ScreeningReport
    ) -> ScreenedResult {
        var writer = JSONWriter()
        writer.beginObject()
        if node["resultType"]?.isString("complete") ?? false {
            writer.key("resultType")
            writer.string("complete")
        }
        writer.key("content")
        writer.beginArray()
        ResultComposer.writeTextBlock(Self.withheldText(reason), &writer)
        writer.endArray()
        writer.key("isError")
        writer.bool(true)
        writer.endObject()
        return ScreenedResult(bytes: writer.bytes[...], report: report)
    }
}
