import Base
@testable import Sandbox
import Testing

/// What a trial that did not come to its end says of this machine.
@Suite("A trial says yes, no, or nothing")
struct TrialTests {
    private func stage(_ step: String, _ code: Int32) -> TrialFailure {
        TrialFailure("a trial cage ended", said: "gatehouse-stage: \(step): errno \(code)\n")
    }

    @Test("no overlay where the kernel says so", arguments: [1, 13, 19, 22, 38, 95] as [Int32])
    func refused(code: Int32) {
        #expect(stage("mount overlay", code).ofOverlay == .impossible("a trial cage ended"))
        #expect(stage("unshare users", code).ofOverlay == .impossible("a trial cage ended"))
    }

    @Test(
        "nothing where something was short",
        arguments: [4, 11, 12, 16, 23, 24, 28, 110, 122] as [Int32]
    )
    func short(code: Int32) {
        #expect(stage("mount overlay", code).ofOverlay == .untried("a trial cage ended"))
        #expect(stage("unshare users", code).finding() == .untried("a trial cage ended"))
    }

    @Test(
        "nothing of overlays where another step failed",
        arguments: [
            "gatehouse-stage: open a source: errno 13", "gatehouse-stage: statx: errno 22",
            "gatehouse-stage: a source was replaced: errno 116",
            "gatehouse-stage: mount overlay: errno 5",
            "gatehouse-stage: join control group: errno 1",
            "gatehouse-stage: mount overlay: errno x", "bwrap: Can't mount proc: errno 1",
            "bwrap: Creating new namespace failed: Operation not permitted", "", "errno 1",
        ]
    )
    func elsewhere(text: String) {
        #expect(TrialFailure("why", said: text).ofOverlay == .untried("why"))
    }

    @Test("nothing where it was ended from outside")
    func ended() {
        let words = "gatehouse-stage: mount overlay: errno 1"
        let failure = TrialFailure("why", said: words, mayPass: true)
        #expect(failure.ofOverlay == .untried("why"))
        #expect(failure.finding() == .untried("why"))
        #expect(CageExit.signal(9).isEndedFromOutside)
        // A filter of its own, a fault.
        #expect(!CageExit.signal(31).isEndedFromOutside)
        #expect(!CageExit.signal(11).isEndedFromOutside)
        #expect(!CageExit.code(1).isEndedFromOutside)
    }

    @Test(
        "bubblewrap's words are read as numbers are",
        arguments: [
            ("bwrap: Can't fork for pid 1: Resource temporarily unavailable", true),
            ("bwrap: Creating new namespace failed: Cannot allocate memory", true),
            ("bwrap: Creating new namespace failed: Operation not permitted", false),
            ("the limit /x was refused (errno 28)", true),
            ("the limit /x was refused (errno 13)", false),
        ]
    )
    func words(text: String, isUntried: Bool) {
        #expect(TrialFailure("why", said: text).finding().isUntried == isUntried)
    }

    private static let shortOfNamespaces = [
        "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces "
            + "exceeded (ENOSPC)",
        "bwrap: unshare user ns: No space left on device",
        "gatehouse-stage: unshare users: errno 28",
    ]

    private func failure(_ text: String, namespaces: String?) -> TrialFailure {
        CageProbe.ended(Array((text + "\n").utf8), exit: .code(1)) { path in
            path == "/proc/sys/user/max_user_namespaces" ? namespaces : nil
        }
    }

    @Test(
        "user namespaces that are turned off stay so until a person ends it",
        arguments: shortOfNamespaces
    )
    func turnedOff(text: String) {
        let finding = failure(text, namespaces: "0").finding()
        #expect(!finding.isUntried && !finding.isPresent)
        #expect(finding.description.contains("sysctl user.max_user_namespaces=10000"))
        #expect(finding.description.contains("servers restart"))
    }

    @Test(
        "user namespaces that are used up may be there the next time",
        arguments: shortOfNamespaces
    )
    func usedUp(text: String) {
        for limit in ["96365", "1", nil] {
            let finding = failure(text, namespaces: limit).finding()
            #expect(finding.isUntried)
            #expect(finding.description.contains("raise user.max_user_namespaces"))
        }
    }

    @Test("what is short for another reason passes, whatever namespaces there are")
    func shortBeside() {
        let text = "bwrap: Can't fork for pid 1: Resource temporarily unavailable"
        #expect(failure(text, namespaces: "0").finding().isUntried)
    }

    @Test("what was not tried is neither there nor missing", .enabled(if: CageBench.isPossible))
    func untried() throws {
        let probe = CageBench.probe.replacing([.overlay: .untried("no memory")])
        #expect(!probe.isConclusive)
        #expect(probe.missing(from: [.overlay]) == [.overlay])
        // Who has no folders does not wait for it; who needs it is tried again, and not refused.
        _ = try probe.require(CageLayer.standardMinimum)
        let error = #expect(throws: CageError.self) {
            try probe.require(CageLayer.standardMinimum.union([.overlay]))
        }
        #expect(
            error
                == .layersUntried(
                    [.overlay],
                    reasons: ["no memory"]
                )
        )
        #expect(error?.mayPass == true)
    }

    @Test(
        "a layer that every cage gets where it can be had is not left out untried",
        .enabled(if: CageBench.isPossible),
        arguments: [CageLayer.landlock, .cgroup]
    )
    func whereverFound(layer: CageLayer) {
        let probe = CageBench.probe.replacing([layer: .untried("no memory")])
        let error = #expect(throws: CageError.self) { try probe.require(CageLayer.always) }
        #expect(error?.mayPass == true)
    }
}
