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

    package static func < (left: Revision, right: Revision) -> Bool { left.order < right.order }
}
