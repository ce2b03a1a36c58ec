import Testing

@testable import Gateway

/// What people read of a server is words, never a Swift value.
@Suite struct SupervisionWordsTests {
    @Test(arguments: [
        (Supervision.Report.ready, "ready"),
        (
            .crashed(reason: "exit code 3", restartsIn: .milliseconds(750)),
            "exit code 3; it is started again in 750 ms"
        ),
        (.crashed(reason: "x", restartsIn: .seconds(59)), "x; it is started again in 59 s"),
        (
            .circuitOpened(reason: "x", restsFor: .seconds(300)),
            "x; it rests for 5 min or until `gatehouse servers restart`"
        ),
        (
            .leftAsleep(reason: "x"),
            "x; this came too often, it sleeps until it is called"
        ),
        (.refused(reason: "no bwrap\u{1b}[2J"), "not started: no bwrap\\u{1b}[2J"),
        (
            .left(reason: "process 7 was killed and does not end"),
            "process 7 was killed and does not end; nothing takes its place before it is gone"
        ),
        (.ended, "ended"),
    ])
    func `a report is a sentence`(report: Supervision.Report, words: String) {
        #expect("\(report)" == words)
    }

    @Test func `no two states share a word, and metrics know each`() {
        let states: [Supervision.State] = [.ended, .broken(reason: "x"), .refused(reason: "y")]
        #expect(Set(states.map { $0.words.state }).count == states.count)
        #expect(states.allSatisfy { Supervision.State.allWords.contains($0.words.state) })
        #expect(Set(Supervision.State.allWords).count == 8)
        #expect(Supervision.State.broken(reason: "x").words.reason == "x")
    }
}
