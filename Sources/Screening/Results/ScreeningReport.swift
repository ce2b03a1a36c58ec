/// What screening did to a text; goes to the audit record, never to the agent.
package struct ScreeningReport: Equatable, Sendable {
    /// How many findings each rule had.
    package internal(set) var redactions: [String: Int] = [:]
    /// How many findings each known secret had, by its name.
    package internal(set) var secrets: [String: Int] = [:]
    /// Imitations of the untrusted marker that were broken up.
    package internal(set) var brokenMarkers = 0
    package internal(set) var cuts: [Cut] = []
    /// What was held back whole, and why.
    package internal(set) var withheld: [String] = []
    /// Whether text was put between untrusted markers or labelled.
    package internal(set) var isMarked = false

    package init() {}

    package struct Cut: Equatable, Sendable {
        package enum Unit: String, Sendable { case bytes, items }

        package let unit: Unit
        package let shown: Int
        package let total: Int
    }

    /// Whether anything of the content was taken or changed; marking alone does not count.
    package var changedContent: Bool {
        !redactions.isEmpty || brokenMarkers > 0 || !cuts.isEmpty || !withheld.isEmpty
    }

    mutating func count(_ findings: [Finding]) {
        for finding in findings {
            if finding.rule == Finding.marker {
                brokenMarkers += 1
                continue
            }
            redactions[finding.rule, default: 0] += 1
            if let secret = finding.secret { secrets[secret, default: 0] += 1 }
        }
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
