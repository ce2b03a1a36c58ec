import Base
import Patterns

/// An ECMA-262 pattern, a byte 0 and a text: both engines say the same of it.
enum PatternFuzz {
    private static let engine = RegexEngine()

    static func check(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let pattern = text(parts[0])
        // Engines are given UTF-8, which call forms are made of.
        let value = Array(text(parts.count > 1 ? parts[1] : []).utf8)
        do throws(PatternFailure) {
            let programs = try engine.programs(of: pattern)
            guard let linear = programs.linear, let fast = try? linear.matches(value) else {
                return
            }
            guard let backtracking = programs.backtracking,
                let slow = try? backtracking.matches(value)
            else { return }
            expect(fast == slow, "RE2 and PCRE2 say the same of a translated pattern")
        } catch {
            expect(isOneLine(error.description), "a failure is one line")
            expect(
                (try? engine.compile(pattern, .ecma262)) == nil,
                "what has no program is refused"
            )
        }
    }
}
