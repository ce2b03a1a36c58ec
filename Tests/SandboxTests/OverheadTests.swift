import Base
import Glibc
import Sandbox
import TestKit
import Testing

/// What a cage costs at its start; figures are printed, only a broken one fails.
@Suite(
    .enabled(
        if: unsafe getenv("GATEHOUSE_MEASURE") != nil && CageBench.isPossible,
        "set GATEHOUSE_MEASURE=1 to measure"
    ),
    .serialized
)
struct OverheadTests {
    private func median(_ count: Int = 41, _ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<count {
            let start = clock.now
            try body()
            times.append(
                Double(start.duration(to: clock.now).saturatedNanoseconds) / 1_000_000
            )
        }
        return times.sorted()[count / 2]
    }

    @Test func `the start of a cage`() throws {
        let tools = try CageBench.tools.get()
        let profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        for user in CageUser.possible {
            let bare = try median { _ = try BlockingRun("/usr/bin/true", []) }
            let stand = try median { _ = try BlockingRun("/usr/bin/setpriv", ["/usr/bin/true"]) }
            let planning = try median { _ = try user.plan(profile) }
            let opening = try median { _ = try CageLaunch(try user.plan(profile), tools: tools) }
            let whole = try median {
                let launch = try CageLaunch(try user.plan(profile), tools: tools)
                let run = try BlockingRun(launch, as: user.stand)
                #expect(run.exit == .code(0))
            }
            print(
                "\(user): true \(bare) ms, setpriv true \(stand) ms, plan \(planning) ms,",
                "plan and open \(opening) ms, caged true \(whole) ms"
            )
        }
        print("filter \(try median { _ = try SeccompFilter() }) ms, probe", terminator: " ")
        print("\(median(5) { _ = CageProbe() }) ms")
    }
}
