/// What screening did to a text; goes to the audit record, never to the agent.
///
/// Mostly it says nothing: what there is to say then lies apart, so that a report is a word to copy.
package struct ScreeningReport: Equatable, Sendable {
    /// How many findings each rule had.
    package var redactions: [String: Int] { changes.redactions }
    /// How many findings each known secret had, by its name.
    package var secrets: [String: Int] { changes.secrets }
    /// Imitations of the untrusted marker that were broken up.
    package var brokenMarkers: Int { changes.brokenMarkers }
    package var cuts: [Cut] { changes.cuts }
    /// What was held back whole, and why.
    package var withheld: [String] { changes.withheld }
    /// Whether text was put between untrusted markers or labelled.
    package internal(set) var isMarked = false
    private var kept = Kept.nothing

    package init() {}

    private struct Changes: Equatable {
        var redactions: [String: Int] = [:]
        var secrets: [String: Int] = [:]
        var brokenMarkers = 0
        var cuts: [Cut] = []
        var withheld: [String] = []
    }

    private indirect enum Kept: Equatable {
        case nothing
        case some(Changes)
    }

    private var changes: Changes {
        if case .some(let changes) = kept { changes } else { Changes() }
    }

    private mutating func change(_ body: (inout Changes) -> Void) {
        var changes = changes
        // In place: nothing else holds them meanwhile, however many there are already.
        kept = .nothing
        body(&changes)
        kept = .some(changes)
    }

    package struct Cut: Equatable, Sendable {
        package enum Unit: String, Sendable { case bytes, items }

        package let unit: Unit
        package let shown: Int
        package let total: Int
    }

    /// Whether anything of the content was taken or changed; marking alone does not count.
    package var changedContent: Bool {
        guard case .some(let changes) = kept else { return false }
        return !changes.redactions.isEmpty || changes.brokenMarkers > 0 || !changes.cuts.isEmpty
            || !changes.withheld.isEmpty
    }

    /// Whether nothing was found, cut or withheld.
    package var isClean: Bool { if case .nothing = kept { true } else { false } }

    mutating func count(_ findings: [Finding]) {
        guard !findings.isEmpty else { return }
        change { changes in
            for finding in findings {
                if finding.rule == Finding.marker {
                    changes.brokenMarkers += 1
                    continue
                }
                changes.redactions[finding.rule, default: 0] += 1
                if let secret = finding.secret { changes.secrets[secret, default: 0] += 1 }
            }
        }
    }

    mutating func count(rule: String) {
        change { $0.redactions[rule, default: 0] += 1 }
    }

    mutating func cut(_ unit: Cut.Unit, shown: Int, of total: Int) {
        change { $0.cuts.append(Cut(unit: unit, shown: shown, total: total)) }
    }

    mutating func withhold(_ reason: String) {
        change { $0.withheld.append(reason) }
    }
}

/// How much of a result an agent is given.
package struct ResultLimits: Equatable, Sendable {
    /// Text of all blocks together, after redaction, in bytes.
    package let textByteCount: Int
    /// Items of `content`.
    package let itemCount: Int
    /// Base64 of one image, audio or blob, in bytes.
    package let binaryByteCount: Int
    /// `structuredContent` as JSON, in bytes; it is not cut, it is withheld.
    package let structuredByteCount: Int

    package init(
        textByteCount: Int = 16 << 20,
        itemCount: Int = 1_000,
        binaryByteCount: Int = 16 << 20,
        structuredByteCount: Int = 16 << 20
    ) {
        self.textByteCount = max(0, textByteCount)
        self.itemCount = max(0, itemCount)
        self.binaryByteCount = max(0, binaryByteCount)
        self.structuredByteCount = max(0, structuredByteCount)
    }

    package static let standard = ResultLimits()
}
