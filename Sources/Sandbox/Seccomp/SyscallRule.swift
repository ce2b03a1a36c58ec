/// One denial of the system call filter, as data that can be listed, compared and tested.
package struct SyscallRule: Sendable, Equatable, CustomStringConvertible {
    /// A comparison on one of the six arguments; they are unsigned and 64 bits wide, even where the
    /// kernel then looks at the low 32 only.
    package enum Argument: Sendable, Equatable {
        case equal(Int, UInt64)
        case notEqual(Int, UInt64)
        case atLeast(Int, UInt64)
        /// `(argument & mask) == value`
        case masked(Int, mask: UInt64, value: UInt64)
    }

    /// What the caller sees instead of the call.
    package enum Answer: CInt, Sendable {
        /// EPERM: forbidden, and a program that asks should see that.
        case notPermitted = 1
        /// ENOSYS: as on an older kernel, so that libraries fall back to what the filter can read.
        case notImplemented = 38
        /// EAFNOSUPPORT: as on a kernel without that socket family.
        case familyNotSupported = 97
    }

    package let call: String
    /// The number to use where libseccomp is older than the call; calls since Linux 5.1 have one
    /// number on all architectures.
    package let number: CInt?
    package let arguments: [Argument]
    package let answer: Answer
    package let reason: String

    package init(
        call: String,
        number: CInt? = nil,
        arguments: [Argument] = [],
        answer: Answer,
        reason: String
    ) {
        self.call = call
        self.number = number
        self.arguments = arguments
        self.answer = answer
        self.reason = reason
    }

    /// The call and the arguments it is about.
    package var pattern: String {
        let conditions = arguments.map { argument in
            switch argument {
            case .equal(let index, let value): "a\(index) == \(value)"
            case .notEqual(let index, let value): "a\(index) != \(value)"
            case .atLeast(let index, let value): "a\(index) >= \(value)"
            case .masked(let index, let mask, let value):
                "a\(index) & 0x\(String(mask, radix: 16)) == 0x\(String(value, radix: 16))"
            }
        }
        return call + (conditions.isEmpty ? "" : "(" + conditions.joined(separator: ", ") + ")")
    }

    package var description: String { "\(pattern) -> \(answer): \(reason)" }
}
