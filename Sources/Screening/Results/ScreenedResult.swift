package import JSON

/// What is known about the tool whose result is screened.
package struct ScreeningContext: Sendable {
    /// What was asked for.
    package let kind: ResultKind
    /// The tool as agents name it; it stands in the untrusted mark.
    package let source: SourceName
    /// Whether nobody vouches for what the tool returns.
    package let isUntrusted: Bool
    package let limits: ResultLimits
    /// Whether a value is what the tool's `outputSchema` promises: nil, or what is wrong.
    ///
    /// Nil when the tool has none. It is asked before redaction and, if that changed the value,
    /// after it.
    package let checkOutput: (@Sendable (JSONNode) -> String?)?

    package init(
        of kind: ResultKind = .tool,
        source: SourceName,
        isUntrusted: Bool = true,
        limits: ResultLimits = .standard,
        checkOutput: (@Sendable (JSONNode) -> String?)? = nil
    ) {
        self.kind = kind
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
    /// The same of a prompt, a resource or a completion.
    case shape(ResultKind)
    case structuredContentMissing
    case outputSchema(String)

    package var description: String {
        switch self {
        case .notAnObject: "the server's result is no JSON object"
        case .content:
            "the server's `content` is no array of objects whose `text` and `data` are strings"
        case .shape(.prompt):
            "the server's `messages` is no array of messages with one block of content each"
        case .shape(.completion):
            "the server's `completion.values` is no array of texts"
        case .shape:
            "the server's `contents` is no array of objects with a `uri` and a text or Base64"
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
    /// The same as a value, where it need not be read for that.
    private let known: JSONNode?

    init(bytes: ArraySlice<UInt8>, report: ScreeningReport) {
        self.bytes = bytes
        self.report = report
        known = nil
    }

    init(_ node: JSONNode, _ report: ScreeningReport) {
        bytes = node.source
        self.report = report
        known = node
    }

    /// The result as a value; nil where what was written cannot be read again.
    package func read() -> JSONNode? {
        known ?? (try? JSONDocument(parsing: bytes, limits: .screened))?.root
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
        guard node.isObject else { throw .notAnObject }
        let kind = context.kind
        let members = ResultMembers(node)
        let texts =
            kind == .tool ? PlainTexts(node, members, limits: context.limits) : nil
        guard texts != nil || kind.isShaped(members) else {
            throw kind == .tool ? .content : .shape(kind)
        }
        let structured = kind == .tool ? members.structuredContent : nil
        if let check = context.checkOutput {
            if let structured {
                if let reason = check(structured) { throw .outputSchema(reason) }
            } else if members.isError?.bool != true {
                throw .structuredContentMissing
            }
        }
        var report = ScreeningReport()
        let found: Examination
        do {
            found = try examine(node, &report)
        } catch {
            report = ScreeningReport()
            report.withhold("\(error)")
            return withheld("\(error)", of: members, kind, report)
        }
        if let texts, found.isEmpty, let result = surrounded(texts, node, context, report) {
            return result
        }
        return compose(node, members, found, context, report)
    }

    /// A result of texts in which nothing was found; nil where marks would make it too long.
    private func surrounded(
        _ texts: PlainTexts,
        _ node: JSONNode,
        _ context: ScreeningContext,
        _ report: ScreeningReport
    ) -> ScreenedResult? {
        guard context.isUntrusted, !texts.isEmpty else { return ScreenedResult(node, report) }
        var report = report
        report.isMarked = true
        let mark = Mark(source: context.source, random: random, .escaped)
        return texts.surrounded(by: mark).map { ScreenedResult($0, report) }
    }

    /// Any result, with what was found in it.
    func compose(
        _ node: JSONNode,
        _ members: ResultMembers,
        _ found: Examination,
        _ context: ScreeningContext,
        _ report: ScreeningReport
    ) -> ScreenedResult {
        let structured = context.kind == .tool ? members.structuredContent : nil
        var composer = ResultComposer(
            node: node,
            members: members,
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
        of members: ResultMembers,
        _ kind: ResultKind,
        _ report: ScreeningReport
    ) -> ScreenedResult {
        var writer = JSONWriter()
        writer.beginObject()
        if members.isComplete {
            writer.key("resultType")
            writer.string("complete")
        }
        kind.writeOnly(Self.withheldText(reason), &writer)
        writer.endObject()
        return ScreenedResult(bytes: writer.bytes[...], report: report)
    }
}
