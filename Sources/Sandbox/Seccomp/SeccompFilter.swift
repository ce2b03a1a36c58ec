private import CSeccomp

/// A compiled system call filter: the BPF program the kernel runs before each call.
package struct SeccompFilter: Sendable, Equatable {
    /// Whole instructions of 8 bytes, at most `instructionLimit`.
    package let program: [UInt8]
    /// What it denies; empty for an allowlist.
    package let rules: [SyscallRule]
    /// What alone it allows; empty for a list of denials.
    package let groups: [CallGroup]

    /// Calls above this number get ENOSYS.
    ///
    /// Nobody has judged them yet, and libraries fall back as on an older kernel. Linux 6.18 ends
    /// here. On x86-64 this also answers the x32 numbers.
    package static let newestKnownCall: UInt32 = 470

    /// BPF_MAXINSNS of the kernel.
    package static let instructionLimit = 4096

    package var instructionCount: Int { program.count / 8 }

    /// Compiles the rules; every answer of the library is checked, because a rule it refused would
    /// otherwise just be missing.
    package init(_ rules: [SyscallRule] = SyscallRule.standard) throws(SeccompError) {
        guard let filter = unsafe cseccomp_create(0) else { throw .unavailable }
        defer { unsafe cseccomp_free(filter) }
        for rule in rules {
            guard let number = try Self.number(of: rule) else { continue }
            let arguments = rule.arguments.map(\.native)
            let status = unsafe arguments.withUnsafeBufferPointer { buffer in
                // An empty buffer may have no address; the library reads nothing then.
                var nothing = cseccomp_argument()
                return unsafe withUnsafePointer(to: &nothing) { placeholder in
                    unsafe cseccomp_deny(
                        filter,
                        number,
                        rule.answer.rawValue,
                        buffer.baseAddress ?? placeholder,
                        UInt32(buffer.count)
                    )
                }
            }
            guard status == 0 else { throw .ruleRefused(rule, code: -status) }
        }
        program = try unsafe Self.whole(filter)
        self.rules = rules
        groups = []
    }

    /// Compiles an allowlist: what is in no group is answered with ENOSYS.
    package init(allowing groups: [CallGroup]) throws(SeccompError) {
        guard let filter = unsafe cseccomp_create(SyscallRule.Answer.notImplemented.rawValue) else {
            throw .unavailable
        }
        defer { unsafe cseccomp_free(filter) }
        for group in groups {
            for call in group.calls {
                // A call the library does not know yet cannot be allowed; one that does not exist on
                // this architecture need not be.
                let number = unsafe cseccomp_number(call)
                guard number >= 0 else { continue }
                let status = unsafe cseccomp_allow(filter, number)
                guard status == 0 else { throw .callRefused(call, code: -status) }
            }
        }
        program = try unsafe Self.whole(filter)
        rules = []
        self.groups = groups
    }

    private static func whole(_ filter: OpaquePointer) throws(SeccompError) -> [UInt8] {
        let compiled = try unsafe export(filter)
        let whole = prefix + compiled
        guard whole.count % 8 == 0, whole.count / 8 <= instructionLimit, !compiled.isEmpty
        else { throw .tooLong(instructionCount: whole.count / 8) }
        return whole
    }

    /// `if number > newestKnownCall return ENOSYS`, in three instructions before libseccomp's own.
    private static var prefix: [UInt8] {
        instruction(0x20, 0, 0, 0)  // BPF_LD | BPF_W | BPF_ABS: seccomp_data.nr
            + instruction(0x25, 0, 1, newestKnownCall)  // BPF_JMP | BPF_JGT | BPF_K
            + instruction(0x06, 0, 0, 0x0005_0000 | 38)  // BPF_RET: SECCOMP_RET_ERRNO, ENOSYS
    }

    private static func instruction(
        _ code: UInt16,
        _ ifTrue: UInt8,
        _ ifFalse: UInt8,
        _ value: UInt32
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: code)
        bytes += [ifTrue, ifFalse]
        bytes.append(littleEndian: value)
        return bytes
    }

    /// Nil where the call does not exist on this architecture, so that there is nothing to deny.
    private static func number(of rule: SyscallRule) throws(SeccompError) -> CInt? {
        let known = unsafe cseccomp_number(rule.call)
        if known >= 0 { return known }
        if let number = rule.number { return number }
        guard known != CInt(CSECCOMP_UNKNOWN) else { throw .unknownCall(rule) }
        return nil
    }

    private static func export(_ filter: OpaquePointer) throws(SeccompError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: instructionLimit * 8)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return Int64(0) }
            return unsafe cseccomp_export(filter, base, UInt64(buffer.count))
        }
        guard count >= 0 else { throw .exportFailed(code: CInt(clamping: -count)) }
        return Array(bytes.prefix(Int(count)))
    }
}

/// Why there is no filter; a cage is not started then.
package enum SeccompError: Error, Equatable, Sendable, CustomStringConvertible {
    case unavailable
    case unknownCall(SyscallRule)
    case ruleRefused(SyscallRule, code: CInt)
    case callRefused(String, code: CInt)
    case exportFailed(code: CInt)
    case tooLong(instructionCount: Int)

    package var description: String {
        switch self {
        case .unavailable:
            "libseccomp could not begin a filter; check that memory is left"
        case .unknownCall(let rule):
            "libseccomp does not know the call `\(rule.call)`; install libseccomp 2.5 or later"
        case .ruleRefused(let rule, let code):
            "libseccomp refused the rule `\(rule)` (errno \(code)); install libseccomp 2.5 or later"
        case .callRefused(let call, let code):
            "libseccomp refused to allow `\(call)` (errno \(code)); install libseccomp 2.5 or later"
        case .exportFailed(let code):
            "the system call filter could not be written (errno \(code)); check that memory is left"
        case .tooLong(let count):
            "the system call filter has \(count) instructions; the kernel takes at most 4096"
        }
    }
}

extension SyscallRule.Argument {
    fileprivate var native: cseccomp_argument {
        switch self {
        case .equal(let index, let value): make(index, CSECCOMP_EQUAL, 0, value)
        case .notEqual(let index, let value): make(index, CSECCOMP_NOT_EQUAL, 0, value)
        case .atLeast(let index, let value): make(index, CSECCOMP_GREATER_OR_EQUAL, 0, value)
        case .masked(let index, let mask, let value):
            make(index, CSECCOMP_MASKED_EQUAL, mask, value)
        }
    }

    private func make(
        _ index: Int,
        _ comparison: cseccomp_comparison,
        _ mask: UInt64,
        _ value: UInt64
    ) -> cseccomp_argument {
        cseccomp_argument(
            index: UInt32(truncatingIfNeeded: index),
            comparison: comparison.rawValue,
            mask: mask,
            value: value
        )
    }
}

extension [UInt8] {
    /// Appends the bytes of an integer, least significant first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        var rest = value
        for _ in 0..<(type(of: value).bitWidth / 8) {
            append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}
