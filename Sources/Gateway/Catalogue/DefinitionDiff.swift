import Approval
import JSON

/// What changed between two definitions of a tool, as lines a terminal may show.
enum DefinitionDiff {
    /// Lines that begin with `-`, `+` or two blanks, unchanged stretches cut to `…`.
    static func lines(from old: [UInt8], to new: [UInt8]) -> [String] {
        let (before, after) = (shown(old), shown(new))
        guard before != after else { return ["  the same but for blanks between its parts"] }
        return LineDiff(from: before, to: after).pieces.map { piece in
            switch piece {
            case .unchanged: "  …"
            case .step(.same(let line)): "  " + line
            case .step(.removed(let line)): "- " + line
            case .step(.added(let line)): "+ " + line
            }
        }
    }

    /// One member a line, everything in it visible.
    private static func shown(_ source: [UInt8]) -> [String] {
        let document = try? JSONDocument(parsing: source, limits: .result)
        let found = ArgumentLines.unfolded(document?.root.value.serialised() ?? source)
        return found.lines + (found.warning.map { ["! " + $0] } ?? [])
    }
}
