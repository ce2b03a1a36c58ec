import Sandbox
import Testing

@Suite struct ProbeTests {
    @Test func `the probe names each layer`() {
        let probe = CageProbe()
        for line in probe.lines { print(line) }
        #expect(probe.lines.count == CageLayer.allCases.count)
    }
}
