private import Base

/// A revision of the Model Context Protocol.
///
/// Legacy revisions open with a handshake and keep a session; the modern one is stateless, and
/// each request carries all it needs (2026-07-28, basic/versioning).
package enum Revision: String, Sendable, CaseIterable, Comparable {
    case r2024_11_05 = "2024-11-05"
    case r2025_03_26 = "2025-03-26"
    case r2025_06_18 = "2025-06-18"
    case r2025_11_25 = "2025-11-25"
    case r2026_07_28 = "2026-07-28"

    package static let newestLegacy = Revision.r2025_11_25
    package static let newest = Revision.r2026_07_28

    /// What an agent may speak with us.
    package static let servedToAgents = Revision.allCases
    /// What an upstream may speak, whatever carries it.
    package static let spokenToServers = Revision.allCases

    package var isModern: Bool { self == .r2026_07_28 }

    private var order: Int {
        switch self {
        case .r2024_11_05: 1
        case .r2025_03_26: 2
        case .r2025_06_18: 3
        case .r2025_11_25: 4
        case .r2026_07_28: 5
        }
    }

    /// By the bytes of a header or message.
    package init?(utf8 text: Span<UInt8>) {
        if text.isEqual("2025-11-25") {
            self = .r2025_11_25
        } else if text.isEqual("2026-07-28") {
            self = .r2026_07_28
        } else if text.isEqual("2025-06-18") {
            self = .r2025_06_18
        } else if text.isEqual("2025-03-26") {
            self = .r2025_03_26
        } else if text.isEqual("2024-11-05") {
            self = .r2024_11_05
        } else {
            return nil
        }
    }

    package static func < (left: Revision, right: Revision) -> Bool { left.order < right.order }
}

/// What a peer calls a version, whether we know it or not.
package enum NamedRevision: Equatable, Sendable {
    case known(Revision)
    case other(String)

    package init(utf8 text: Span<UInt8>) {
        if let revision = Revision(utf8: text) {
            self = .known(revision)
        } else {
            self = .other(String(decoding: text))
        }
    }

    package init(_ text: String) { self.init(utf8: text.utf8.span) }

    package var revision: Revision? {
        if case .known(let revision) = self { revision } else { nil }
    }

    /// As the peer spelled it.
    package var text: String {
        switch self {
        case .known(let revision): revision.rawValue
        case .other(let text): text
        }
    }
}
