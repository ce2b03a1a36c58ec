import Base
import Patterns
import Testing

@testable import Screening

@Suite struct RuleBookTests {
    @Test func `every built-in rule compiles`() throws {
        let engine = RegexEngine()
        for rule in RedactionRule.builtIn {
            #expect(throws: Never.self, "\(rule.id)") { try engine.finder(rule.pattern) }
            #expect(!rule.reason.isEmpty && !rule.summary.isEmpty)
        }
    }
}
