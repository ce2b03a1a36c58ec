/// How much harm a tool can do; it decides what happens to a call that nothing else speaks about.
package enum RiskTier: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
    /// T0: reads; allowed, rate-limited, redacted.
    case read = 0
    /// T1: writes; allowed inside its written scope, otherwise asks.
    case scopedWrite = 1
    /// T2: destroys or cannot be undone; asks with the exact arguments.
    case destructive = 2
    /// T3: executes; asks, two people in production.
    case execute = 3

    /// The tier of a tool that nobody placed.
    package static let unplaced = RiskTier.destructive

    /// Takes the four spellings `T0` to `T3` and no other.
    package init?(spelling: String) {
        guard
            let tier = Self.allCases.first(where: {
                $0.description.utf8.elementsEqual(spelling.utf8)
            })
        else { return nil }
        self = tier
    }

    package var description: String {
        switch self {
        case .read: "T0"
        case .scopedWrite: "T1"
        case .destructive: "T2"
        case .execute: "T3"
        }
    }

    package static func < (left: RiskTier, right: RiskTier) -> Bool {
        left.rawValue < right.rawValue
    }
}
