@testable import Sandbox
import Testing

@Suite struct ProbeTests {
    @Test func `the probe names each layer`() {
        let probe = CageProbe()
        for line in probe.lines { print(line) }
        // And whether connections are captured, which is no layer.
        #expect(probe.lines.count == CageLayer.allCases.count + 1)
    }

    /// This machine with two layers taken away.
    private var poor: CageProbe {
        CageProbe().without([
            .landlock: "the kernel has no Landlock", .cgroup: "no control groups are mounted",
        ])
    }

    @Test func `what is missing is named with its reason`() {
        let error = #expect(throws: CageError.self) { try poor.require([.landlock]) }
        #expect(error?.description.contains("Landlock") == true)
        let control = #expect(throws: CageError.self) { try poor.require([.cgroup]) }
        #expect(control?.description.contains("control groups") == true)
    }

    @Test(
        .enabled(if: CageBench.isPossible, "no cage can be made here")
    )
    func `a minimum that follows from a tool says how to do without`() throws {
        let minimum = CageLayer.required(written: nil, executes: true)
        let error = #expect(throws: CageError.self) {
            try poor.require(minimum, isWritten: false)
        }
        #expect(error?.description.contains("T3") == true)
        #expect(error?.description.contains("minimum: [namespaces, mounts") == true)
        _ = try poor.require(CageLayer.required(written: [], executes: true))
    }

    @Test func `what is written adds to what every cage has`() {
        #expect(CageLayer.required(written: nil, executes: false) == CageLayer.always)
        #expect(CageLayer.required(written: [], executes: false) == CageLayer.always)
        #expect(CageLayer.required(written: ["seccomp"], executes: true) == CageLayer.always)
        #expect(
            CageLayer.required(written: ["landlock"], executes: false)
                == CageLayer.always.union([.landlock])
        )
        #expect(CageLayer.required(written: nil, executes: true).contains(.cgroup))
    }
}
