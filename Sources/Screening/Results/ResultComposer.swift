import Base
import JSON

/// Puts a result together from its source bytes and the edits it needs.
struct ResultComposer {
    let node: JSONNode
    private let members: ResultMembers
    let context: ScreeningContext
    private let mark: Mark?
    /// The two sides of the mark; empty where there is none.
    private let opening: [UInt8]
    private let closing: [UInt8]
    private var edits: Edits
    /// Edits of whole blocks and marks; they stand over those of single tokens.
    private var overrides: [Edit] = []
    private var report: ScreeningReport
    private var remainingText: Int

    init(
        node: JSONNode,
        members: ResultMembers,
        context: ScreeningContext,
        edits: Edits,
        random: any RandomSource,
        report: ScreeningReport
    ) {
        self.node = node
        self.members = members
        self.context = context
        self.edits = edits
        self.report = report
        let mark =
            context.isUntrusted ? Mark(source: context.source, random: random, .escaped) : nil
        self.mark = mark
        opening = mark.map { Array($0.opening) } ?? []
        closing = mark.map { Array($0.closing) } ?? []
        remainingText = context.limits.textByteCount
    }

    // MARK: Blocks

    /// A block whose Base64 holds a secret becomes a text that says so; its bytes cannot be edited.
    mutating func replaceBlocks(
        holding hits: [(token: JSONNode, block: JSONNode, rule: String)]
    ) {
        guard !hits.isEmpty else { return }
        let blocks =
            context.kind.items(of: members)?.elements.compactMap(context.kind.block(of:)) ?? []
        for hit in hits {
            let token = hit.token.source.indices
            let place = blocks.first {
                let range = $0.source.indices
                return range.lowerBound <= token.lowerBound && token.upperBound <= range.upperBound
            }
            report.withhold("a block that holds a secret (\(hit.rule))")
            if let place {
                replace(place, with: "[REDACTED:\(hit.rule)] a block of binary data was withheld")
            } else {
                var writer = JSONWriter()
                writer.string("[REDACTED:\(hit.rule)]")
                overrides.append(Edit(source: token, bytes: writer.bytes))
            }
        }
    }

    mutating func composeContent() {
        guard let content = context.kind.items(of: members), content.kind == .array else { return }
        overrides.reserveCapacity(2 * min(content.count, context.limits.itemCount))
        var last: Int?
        var position = 0
        for item in content.elements {
            if position == context.limits.itemCount {
                dropItems(after: last, of: content)
                return
            }
            position += 1
            last = item.source.endIndex
            if let block = context.kind.block(of: item) { compose(block) }
        }
    }

    private mutating func compose(_ block: JSONNode) {
        let place = block.source.indices
        guard block.kind == .object, !overrides.contains(where: { $0.source == place }) else {
            return
        }
        // Whatever a block says it is: a client reads the member it expects.
        let members = BlockMembers(block)
        if let text = members[.text], text.kind == .string { composeText(text) }
        if let data = members[.data] { limitBinary(data, in: block) }
        if let blob = members[.blob] { limitBinary(blob, in: block) }
        let resource = members[.resource].map { BlockMembers($0) }
        if let text = resource?[.text], text.kind == .string { composeText(text) }
        if let blob = resource?[.blob] { limitBinary(blob, in: block) }
        if let meta = members[.meta] { composeMeta(meta) }
        if let meta = resource?[.meta] { composeMeta(meta) }
    }

    private mutating func composeMeta(_ meta: JSONNode) {
        if let edit = metaEdit(meta, label: nil) { overrides.append(edit) }
    }

    private mutating func limitBinary(_ data: JSONNode, in block: JSONNode) {
        let count = max(0, data.source.count - 2)
        guard count > context.limits.binaryByteCount else { return }
        report.withhold("a block of \(count) bytes of Base64")
        replace(
            block,
            with: Screener.withheldText(
                "\(count) bytes of binary data, over the limit of \(context.limits.binaryByteCount)"
            )
        )
    }

    private mutating func replace(_ block: JSONNode, with text: String) {
        let place = block.source.indices
        guard !overrides.contains(where: { $0.source == place }) else { return }
        var writer = JSONWriter()
        context.kind.write(text, insteadOf: block, &writer)
        overrides.append(Edit(source: place, bytes: writer.bytes))
    }

    /// Cuts and marks one text.
    private mutating func composeText(_ text: JSONNode) {
        let place = text.source.indices
        let changed = edits.replacement(of: place)
        var content = (changed?[...] ?? text.source).dropFirst().dropLast()
        var note = ""
        // An escape is longer than what it stands for, so that the shorter test is the safe one.
        if content.count > remainingText || node.source.count > context.limits.textByteCount,
            let decoded = Self.decoded(changed, or: text)
        {
            if decoded.count > remainingText {
                let end = CodePoints.floor(remainingText, in: decoded)
                note = Screener.cutText(shown: end, total: decoded.count)
                report.cut(.bytes, shown: end, of: decoded.count)
                var writer = JSONWriter()
                writer.string(utf8: decoded[..<end])
                content = writer.bytes.dropFirst().dropLast()
            }
            remainingText = max(0, remainingText - decoded.count)
        } else {
            remainingText -= content.count
        }
        guard mark != nil || !note.isEmpty else { return }
        if mark != nil, changed == nil, note.isEmpty, !content.isEmpty { return surround(place) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(content.count + 256)
        bytes.append(0x22)
        bytes += opening
        bytes += content
        bytes += closing
        if !note.isEmpty { bytes += [0x5c, 0x6e] + Array(note.utf8) }
        bytes.append(0x22)
        overrides.append(Edit(source: place, bytes: bytes))
        if mark != nil { report.isMarked = true }
    }

    /// Puts the marks inside the quotes of a token that stays as it came: nothing is copied.
    private mutating func surround(_ token: Range<Int>) {
        let (first, last) = (token.lowerBound + 1, token.upperBound - 1)
        overrides.append(Edit(source: first..<first, bytes: opening))
        overrides.append(Edit(source: last..<last, bytes: closing))
        report.isMarked = true
    }

    private static func decoded(_ token: [UInt8]?, or text: JSONNode) -> [UInt8]? {
        guard let token else { return text.utf8 }
        return try? JSONDocument(parsing: token, limits: .result).root.utf8
    }

    /// From the end of the last item that is shown to the closing bracket.
    private mutating func dropItems(after last: Int?, of content: JSONNode) {
        let shown = min(content.count, context.limits.itemCount)
        report.cut(.items, shown: shown, of: content.count)
        var writer = JSONWriter()
        context.kind.writeItem(
            "[CUT: the first \(shown) of \(content.count) items are shown]",
            &writer
        )
        let end = content.source.endIndex - 1
        let start = last ?? content.source.startIndex + 1
        overrides.append(
            Edit(source: start..<end, bytes: (last == nil ? [] : [0x2c]) + writer.bytes)
        )
    }

    static func writeTextBlock(_ text: String, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("type")
        writer.string("text")
        writer.key("text")
        writer.string(text)
        writer.endObject()
    }

    // MARK: Label

    /// Says in `_meta` what no mark can be put round: structured content, links, binary data.
    mutating func label() {
        let label = holdsMoreThanText ? mark : nil
        if label != nil { report.isMarked = true }
        if let meta = members.meta {
            if let edit = metaEdit(meta, label: label) { overrides.append(edit) }
        } else if let label, node.count > 0 {
            var writer = JSONWriter()
            writer.beginObject()
            Self.write(label, &writer)
            writer.endObject()
            let end = node.source.endIndex - 1
            overrides.append(
                Edit(source: end..<end, bytes: Array(",\"_meta\":".utf8) + writer.bytes)
            )
        }
    }

    /// Whether there is anything that no mark can be put round.
    private var holdsMoreThanText: Bool {
        if context.kind == .completion { return true }
        if context.kind == .tool, members.structuredContent != nil { return true }
        guard let items = context.kind.items(of: members)?.elements else { return false }
        for item in items {
            guard let block = context.kind.block(of: item) else { continue }
            // A resource's text says of no type that it is one.
            let isText =
                context.kind == .resource
                ? block["text"] != nil : block["type"]?.isString("text") ?? false
            if !isText { return true }
        }
        return false
    }

    /// `_meta` without what claims to be ours, with the label; nil when it stays as it is.
    private func metaEdit(_ meta: JSONNode, label: Mark?) -> Edit? {
        guard meta.kind == .object else { return nil }
        let kept = meta.members.nodes.filter { key, _ in
            !(key.string ?? "").hasPrefix(Screener.ownNamespace)
        }
        guard label != nil || kept.count != meta.count else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        for (key, value) in kept {
            if let token = edits.replacement(of: key.source.indices),
                let text = Self.decoded(token, or: key)
            {
                writer.key(String(decoding: text, as: UTF8.self))
            } else {
                writer.key(key)
            }
            writer.raw(edits.applied(to: value.source))
        }
        if let label { Self.write(label, &writer) }
        writer.endObject()
        return Edit(source: meta.source.indices, bytes: writer.bytes)
    }

    private static func write(_ label: Mark, _ writer: inout JSONWriter) {
        writer.key(Screener.untrustedLabel)
        writer.beginObject()
        writer.key("source")
        writer.string(label.source.text)
        writer.key("id")
        writer.string(label.id)
        writer.endObject()
    }

    // MARK: Structured content

    /// Why the structured content cannot be shown: too large, or redaction broke its schema.
    func structuredFault(_ structured: JSONNode) -> String? {
        let limit = context.limits.structuredByteCount
        if structured.source.count > limit {
            return
                "structured content of \(structured.source.count) bytes, over the limit of \(limit)"
        }
        guard let check = context.checkOutput, edits.touches(structured.source.indices) else {
            return nil
        }
        guard
            let changed = try? JSONDocument(
                parsing: edits.applied(to: structured.source),
                limits: .result
            )
        else { return "structured content that redaction broke" }
        return check(changed.root).map { "structured content that redaction broke: \($0)" }
    }

    /// A result of the content alone, with the reason; an error, because clients check that
    /// structured content is there when a tool promises it.
    mutating func withoutStructured(_ reason: String) -> ScreenedResult {
        report.withhold(reason)
        let all = edits.overridden(by: overrides)
        var writer = JSONWriter(reservingCapacity: node.source.count / 2)
        writer.beginObject()
        if members.isComplete {
            writer.key("resultType")
            writer.string("complete")
        }
        writer.key("content")
        writer.beginArray()
        if let content = members.content {
            for block in content.elements.prefix(context.limits.itemCount) {
                writer.raw(all.applied(to: block.source))
            }
        }
        Self.writeTextBlock(Screener.withheldText(reason), &writer)
        writer.endArray()
        writer.key("isError")
        writer.bool(true)
        writer.endObject()
        return ScreenedResult(bytes: writer.bytes[...], report: report)
    }

    func result() -> ScreenedResult {
        let all = edits.overridden(by: overrides)
        guard !all.isEmpty else { return ScreenedResult(node, report) }
        return ScreenedResult(bytes: all.applied(to: node.source)[...], report: report)
    }
}
