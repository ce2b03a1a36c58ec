import TestKit
import Testing

@testable import Gateway

/// `Tests/Golden/control/commands.txt` names every command of the control socket and what it may do;
/// the end-to-end tests try each that needs a person without being one.
@Suite struct ControlLevelTests {
    @Test func `the file that the tests of deciding verbs read names every command`() throws {
        let file = Corpus.packageRoot + "/Tests/Golden/control/commands.txt"
        let kept = String(decoding: try #require(Corpus.bytes(file)), as: UTF8.self)
        let commands = ControlCommands.all.map { "\($0) \($1.level)" }.sorted()
        #expect(kept.split(separator: "\n").map { String($0) } == commands)
    }

    @Test func `what needs a person are the levels the tests of deciding verbs try`() {
        let levels: [ControlLevel] = [.observe, .decide, .administer, .review, .restrict]
        #expect(levels.filter(\.needsPerson) == [.decide, .administer, .review])
    }
}
