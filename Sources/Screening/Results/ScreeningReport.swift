/// What screening did to a text; goes to the audit record, never to the agent.
///
/// Mostly it says nothing: what there is to say then lies apart, so that a report is a word to copy.
package struct ScreeningReport: Equatable, Sendable {
    /// How many findings each rule had.
    package internal(set) var redactions: [String: Int] {
        get { changes.redactions }
        set { changes.redactions = newValue }
    }
    /// How many findings each known secret had, by its name.
    package internal(set) var secrets: [String: Int] {
        get { changes.secrets }
        set { changes.secrets = newValue }
    }
    /// Imitations of the untrusted marker that were broken up.
    package internal(set) var brokenMarkers: Int {
        get { changes.brokenMarkers }
        set { changes.brokenMarkers = newValue }
    }
    package internal(set) var cuts: [Cut] {
        get { changes.cuts }
        set { changes.cuts = newValue }
    }
    /// What was held back whole, and why.
    package internal(set) var withheld: [String] {
        get { changes.withheld }
        set { changes.withheld = newValue }
    }
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
        get { if case .some(let changes) = kept { changes } else { Changes() } }
        set { kept = newValue == Changes() ? .nothing : .some(newValue) }
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
        var changes = changes
        // Counted in place: nothing else holds them meanwhile.
        kept = .nothing
        for finding in findings {
            if finding.rule == Finding.marker {
                changes.brokenMarkers += 1
                continue
            }
            changes.redactions[finding.rule, default: 0] += 1
            if let secret = finding.secret { changes.secrets[secret, default: 0] += 1 }
        }
        kept = .some(changes)
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
