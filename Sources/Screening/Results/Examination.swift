import JSON

/// What was found in a JSON value, as edits of its tokens.
struct Examination {
    /// New tokens for strings, keys and numbers.
    var edits = Edits()
    /// Base64 members that hold a secret: their token, their block and the rule.
    var binaries: [(token: JSONNode, block: JSONNode, rule: String)] = []

    var isEmpty: Bool { edits.isEmpty && binaries.isEmpty }

    /// All edits, Base64 members replaced by a string that says why.
    func withTokens() -> Edits {
        edits.overridden(
            by: binaries.map { hit in
                var writer = JSONWriter()
                writer.string("[REDACTED:\(hit.rule)]")
                return Edit(source: hit.token.source.indices, bytes: writer.bytes)
            }
        )
    }
}

extension Screener {
    /// Looks for secrets and imitated marks in every string, key and long number of `node`.
    func examine(
        _ node: JSONNode,
        _ report: inout ScreeningReport
    ) throws(ScreeningFailure) -> Examination {
        let isPlain = ValueText.isPlain(node)
        if isPlain, redactor.findsNothing(in: node.documentBytes, node.sourceRange) {
            return Examination()
        }
        var budget = WorkBudget(byteCount: node.source.count, clock: clock)
        let plain = isPlain ? Array(node.source) : nil
        let decoded = plain == nil ? ValueText(decoding: node) : nil
        let findings = try redactor.findings(
            in: plain ?? decoded?.text ?? [],
            budget: &budget
        )
        var result = Examination()
        if let decoded {
            try searchBinaries(of: decoded, into: &result, &budget)
        }
        if !findings.isEmpty {
            let value = decoded ?? ValueText(plain: plain ?? [], of: node)
            turnIntoEdits(findings, of: value, into: &result, &report)
        }
        for hit in result.binaries { report.count(rule: hit.rule) }
        return result
    }

    /// Base64 is looked through for known secrets; what is text in it, or says so, is read.
    ///
    /// What has other letters than Base64 may be a text in the wrong place.
    private func searchBinaries(
        of value: ValueText,
        into result: inout Examination,
        _ budget: inout WorkBudget
    ) throws(ScreeningFailure) {
        for (token, block) in value.binaries {
            let encoded = token.utf8 ?? []
            var findings: [Finding] = []
            try redactor.secrets.appendFindings(in: encoded, to: &findings, budget: &budget)
            if findings.isEmpty, !LenientBase64.isStandard(encoded) {
                findings = try redactor.findings(in: encoded, budget: &budget)
            }
            if findings.isEmpty, let bytes = LenientBase64.decodeLines(encoded),
                Self.saysText(block) || Self.isText(bytes)
            {
                findings = try redactor.findings(in: bytes, budget: &budget)
            }
            if let first = findings.first(where: { $0.rule != Finding.marker }) {
                result.binaries.append((token, block, first.rule))
            }
        }
    }

    private static func saysText(_ block: JSONNode) -> Bool {
        guard let type = block["mimeType"]?.string else { return block["blob"] != nil }
        return type.hasPrefix("text/")
            || ["json", "xml", "yaml", "toml", "javascript", "x-sh", "octet-stream", "pem"]
                .contains { type.hasSuffix($0) }
    }

    /// Images and sounds begin with bytes no text has.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        bytes.prefix(256).allSatisfy { $0 >= 0x20 || (0x09...0x0d).contains($0) }
    }

    private func turnIntoEdits(
        _ findings: [Finding],
        of value: ValueText,
        into result: inout Examination,
        _ report: inout ScreeningReport
    ) {
        var counted: Set<Int> = []
        var keys: [String: Int] = [:]
        var binaries = value.binaries.makeIterator()
        var first = 0
        for segment in value.segments {
            let binary = segment.kind == .binary ? binaries.next() : nil
            while first < findings.count,
                findings[first].range.upperBound <= segment.text.lowerBound
            { first += 1 }
            var inside: [Finding] = []
            var index = first
            while index < findings.count,
                findings[index].range.lowerBound < segment.text.upperBound
            {
                let range = findings[index].range.clamped(to: segment.text)
                if !range.isEmpty, binary == nil || findings[index].secret != nil {
                    var finding = findings[index]
                    finding.range = range
                    inside.append(finding)
                    if counted.insert(index).inserted { report.count([finding]) }
                }
                index += 1
            }
            guard let hit = inside.first else { continue }
            if let binary {
                result.binaries.append((binary.token, binary.block, hit.rule))
                continue
            }
            var text = String(
                decoding: Redactor.redacted(value.text[segment.text], inside),
                as: UTF8.self
            )
            if segment.kind == .key {
                // Two keys that become the same would make the object ambiguous.
                keys[text, default: 0] += 1
                if let count = keys[text], count > 1 { text += " (\(count))" }
            }
            var writer = JSONWriter()
            writer.string(text)
            result.edits.append(Edit(source: segment.source, bytes: writer.bytes))
        }
    }
}
