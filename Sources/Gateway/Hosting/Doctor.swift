import Sandbox
import System

/// What this machine gives to cages, found out by trying; for `gatehouse doctor`.
package enum Doctor {
    package enum Kind: Sendable {
        /// A wall.
        case layer
        /// A way out that programs need not know of.
        case capture
        /// What runs the bundles of `servers bundle`; no cage of the gateway is made of it.
        case runtime
    }

    package struct Row: Sendable {
        package let name: String
        package let isPresent: Bool
        package let kind: Kind
        /// Whether no cage is made without it.
        package let isNeeded: Bool
        /// What was seen, or why not, ending in what to do.
        package let detail: String
    }

    /// Makes a few cages and blocks for as long.
    package static func examine() -> [Row] {
        let probe = CageProbe()
        let layers = CageLayer.allCases.map { layer in
            let finding = probe.findings[layer] ?? .missing("not looked for")
            return Row(
                name: layer.rawValue,
                isPresent: finding.isPresent,
                kind: .layer,
                isNeeded: CageLayer.always.contains(layer),
                detail: finding.description
            )
        }
        return layers + [
            Row(
                name: CageProbe.captureName,
                isPresent: probe.capture.isPresent,
                kind: .capture,
                isNeeded: false,
                detail: probe.capture.description
            )
        ] + OCIRuntimes.examine(probe, isRoot: Process.userID == 0)
    }
}

/// A system call filter as a list; for `gatehouse seccomp`.
package struct FilterListing {
    package struct Row: Sendable {
        package let call: String
        package let answer: String
        package let reason: String
    }

    package static let names = ["standard", "strict", "host-network"]

    package let rows: [Row]
    package let instructionCount: Int

    /// Nil for a name that is none of `names`.
    package init?(_ name: String) throws {
        let filter: SeccompFilter
        switch name {
        case "standard": filter = try SeccompFilter()
        case "host-network": filter = try SeccompFilter(SyscallRule.hostNetwork)
        case "strict": filter = try SeccompFilter(allowing: CallGroup.strict)
        default: return nil
        }
        instructionCount = filter.instructionCount
        rows =
            filter.rules.map { rule in
                Row(call: rule.pattern, answer: "\(rule.answer)", reason: rule.reason)
            }
            + filter.groups.flatMap { group in
                group.calls.map { Row(call: $0, answer: "allowed", reason: group.reason) }
            }
            + (filter.groups.isEmpty
                ? []
                : [Row(call: "every other call", answer: "notImplemented", reason: "not listed")])
            + [
                Row(
                    call: "calls above \(SeccompFilter.newestKnownCall)",
                    answer: "notImplemented",
                    reason: "nobody has judged them yet"
                )
            ]
    }

    package var lines: [String] { rows.map { "\($0.call) -> \($0.answer): \($0.reason)" } }
}
