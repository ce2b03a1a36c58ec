import Sandbox
import Testing

@Suite struct SeccompTests {
    @Test func `the standard filter compiles and stays small`() throws {
        let filter = try SeccompFilter()
        #expect(filter.program.count == filter.instructionCount * 8)
        #expect((200..<1000).contains(filter.instructionCount))
    }

    @Test func `numbers nobody has judged get ENOSYS before any rule is asked`() throws {
        let filter = try SeccompFilter([])
        // ld [0]; jgt #470; ret ENOSYS
        #expect(filter.program.prefix(8) == [0x20, 0, 0, 0, 0, 0, 0, 0])
        #expect(filter.program[8..<16] == [0x25, 0, 0, 1, 0xd6, 1, 0, 0])
        #expect(filter.program[16..<24] == [0x06, 0, 0, 0, 38, 0, 5, 0])
    }

    @Test func `a rule the library refuses is an error and not a hole`() {
        let rule = SyscallRule(
            call: "personality",
            arguments: [.notEqual(0, 0), .notEqual(0, 8)],
            answer: .notPermitted,
            reason: "two comparisons on one argument"
        )
        #expect(throws: SeccompError.ruleRefused(rule, code: 22)) { try SeccompFilter([rule]) }
    }

    @Test func `a call nobody knows is an error and not a hole`() {
        let rule = SyscallRule(call: "no_such_call", answer: .notPermitted, reason: "spelling")
        #expect(throws: SeccompError.unknownCall(rule)) { try SeccompFilter([rule]) }
    }

    @Test func `a call newer than the library is denied by its number`() throws {
        let rule = SyscallRule(
            call: "no_such_call",
            number: 466,
            answer: .notImplemented,
            reason: "newer than the library"
        )
        #expect(try SeccompFilter([rule]).instructionCount > SeccompFilter([]).instructionCount)
    }

    @Test func `each rule says why, and none stands there twice`() {
        let rules = SyscallRule.standard
        #expect(rules.allSatisfy { !$0.reason.isEmpty })
        for (index, rule) in rules.enumerated() {
            let isTwice = rules[(index + 1)...].contains {
                $0.call == rule.call && $0.arguments == rule.arguments
            }
            #expect(!isTwice, "\(rule)")
        }
    }
}

@Suite struct CageReportTests {
    private func message(_ words: UInt32...) -> [UInt8] {
        words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) } }
    }

    @Test func `reads what PID 1 says`() {
        #expect(CageReport(message(1, 0x3f, 0, 0)) == .started)
        let failure = CageStartFailure(stage: .execute, code: 2)
        #expect(CageReport(message(2, 7, 2, 0)) == .failed(failure))
        #expect(CageReport(message(3, 0, 3 << 8, 0)) == .exited(.code(3)))
        #expect(CageReport(message(3, 0, 9, 0)) == .exited(.signal(9)))
        #expect(CageReport(message(4, 0, 0, 0)) == .listening(.proxy))
        #expect(CageReport(message(4, 53, 3, 0)) == .listening(.nameDatagrams))
        #expect(CageReport(message(4, 0, 4, 0)) == nil)
        #expect(CageReport(message(5, 0, 19, 0)) == .stopped(19))
        #expect(CageReport(message(5, 0, 65, 0)) == nil)
    }

    @Test func `anything else is no report`() {
        let good = message(1, 0, 0, 0)
        for length in 0..<good.count { #expect(CageReport(good.prefix(length)) == nil) }
        #expect(CageReport(good + [0]) == nil)
        #expect(CageReport(message(0, 0, 0, 0)) == nil)
        #expect(CageReport(message(5, 0, 0, 0)) == nil)
        #expect(CageReport(message(2, 0, 0, 0)) == nil)
        #expect(CageReport(message(2, 10, 0, 0)) == nil)
    }

    @Test func `missing layers are named`() {
        let failure = CageStartFailure(stage: .layers, code: 0b100)
        #expect(failure.description == "PID 1 found the cage open: seccomp")
    }
}
