/// One thing an intruder would try inside a cage, or a server must be able to do there.
package struct Act: Sendable, Equatable {
    package enum Group: String, Sendable, CaseIterable {
        /// Must succeed: a cage in which nothing works proves nothing.
        case works
        case files, listings, links, processes, kernel, network, secrets, terminal, exhaustion
    }

    /// What an act came to, as the victim saw it.
    package enum Answer: Hashable, Sendable, CustomStringConvertible {
        case through
        case errno(Int32)
        /// What it looked for is not there.
        case absent
        case signal(Int32)
        /// The whole cage ended before it answered.
        case silence

        /// Whether it ran out of time (SIGALRM), or the cage of all did: what the machine says, busy as
        /// it is, and not what a layer said.
        var isLate: Bool { self == .silence || self == .signal(14) }

        package var description: String {
            switch self {
            case .through: "it got through"
            case .errno(let number): Errno.name(number)
            case .absent: "not there"
            case .signal(let number): "ended by signal \(number)"
            case .silence: "the cage ended"
            }
        }
    }

    package let name: String
    package let group: Group
    let steps: [Step]
    /// Which layer gave that answer; any other answer is no proof.
    let held: [Answer: CageLayer]
    /// Gets through where the operator wrote `network: host`.
    var isOpenOnHostNetwork = false
    /// In a cage of its own, because it may take the others with it.
    var isAlone = false
    var seconds: UInt32 = 5

    init(
        _ group: Group,
        _ name: String,
        _ steps: Step...,
        held: [Answer: CageLayer] = [:]
    ) {
        self.group = group
        self.name = name
        self.steps = steps
        self.held = held
    }

    func onHostNetwork() -> Self {
        var copy = self
        copy.isOpenOnHostNetwork = true
        return copy
    }

    /// The same with more time, for a machine that is busy.
    func patient() -> Self {
        var copy = self
        copy.seconds = min(seconds * 4, 120)
        return copy
    }

    func alone(seconds: UInt32 = 20) -> Self {
        var copy = self
        copy.isAlone = true
        copy.seconds = seconds
        return copy
    }
}

/// A step of an act, mostly a system call.
struct Step: Equatable, Sendable {
    enum Argument: Equatable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
        case value(UInt64)
        case text([UInt8])
        /// What an earlier step of the act returned.
        case result(Int)
        /// 64 KiB to be written to.
        case buffer

        init(integerLiteral value: Int) { self = .value(UInt64(bitPattern: Int64(value))) }
        init(stringLiteral value: String) { self = .text(Array(value.utf8)) }

        static func string(_ text: String) -> Self { .text(Array(text.utf8)) }
    }

    enum Operation: UInt32, Sendable {
        case call = 0
        case attempt = 1
        case find = 2
        case listed = 3
        case equals = 4
        case fork = 5
        case hog = 6
        case again = 7
        case scan = 8
        case machine32 = 9
    }

    let operation: Operation
    var callName: String?
    /// Where libseccomp is older than the call.
    var callNumber: UInt32?
    var arguments: [Argument] = []

    static func call(_ name: String, _ arguments: Argument...) -> Self {
        Step(operation: .call, callName: name, arguments: arguments)
    }

    static func call(_ name: String, number: UInt32, _ arguments: Argument...) -> Self {
        Step(operation: .call, callName: name, callNumber: number, arguments: arguments)
    }

    static func attempt(_ name: String, _ arguments: Argument...) -> Self {
        Step(operation: .attempt, callName: name, arguments: arguments)
    }

    static func find(_ text: String, in descriptor: Argument) -> Self {
        Step(operation: .find, arguments: [descriptor, .string(text)])
    }

    static func listed(_ name: String, in descriptor: Argument) -> Self {
        Step(operation: .listed, arguments: [descriptor, .string(name)])
    }

    static func equals(_ left: Argument, _ right: Argument) -> Self {
        Step(operation: .equals, arguments: [left, right])
    }

    static func fork(_ count: Int) -> Self {
        Step(operation: .fork, arguments: [.value(UInt64(clamping: count))])
    }

    static func hog(_ byteCount: UInt64) -> Self {
        Step(operation: .hog, arguments: [.value(byteCount)])
    }

    /// The next step so many times.
    static func again(_ count: Int) -> Self {
        Step(operation: .again, arguments: [.value(UInt64(clamping: count))])
    }

    static func scan(_ first: Int, _ last: Int) -> Self {
        Step(
            operation: .scan,
            arguments: [.value(UInt64(clamping: first)), .value(UInt64(clamping: last))]
        )
    }

    static let machine32 = Step(operation: .machine32)

    // Often used, from the folder that stands for the current one.
    private static let here: Argument = -100

    static func open(_ path: String, _ flags: Int = 0) -> Self {
        .call("openat", here, .string(path), .value(UInt64(clamping: flags)), 0o600)
    }

    static func openFolder(_ path: String) -> Self { open(path, 0o200000) }
}

/// Linux's names for the few numbers that acts end with.
enum Errno {
    static let names: [Int32: String] = [
        1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 5: "EIO", 6: "ENXIO", 9: "EBADF",
        10: "ECHILD", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 14: "EFAULT", 16: "EBUSY",
        17: "EEXIST", 18: "EXDEV", 20: "ENOTDIR", 21: "EISDIR", 22: "EINVAL", 24: "EMFILE",
        25: "ENOTTY", 26: "ETXTBSY", 27: "EFBIG", 28: "ENOSPC", 30: "EROFS", 38: "ENOSYS",
        40: "ELOOP", 95: "EOPNOTSUPP", 97: "EAFNOSUPPORT", 101: "ENETUNREACH",
        111: "ECONNREFUSED", 115: "EINPROGRESS",
    ]

    static func name(_ number: Int32) -> String { names[number] ?? "errno \(number)" }
}

extension Act.Answer {
    static let notPermitted = Self.errno(1)
    static let noEntry = Self.errno(2)
    static let noProcess = Self.errno(3)
    static let noDevice = Self.errno(6)
    static let tryAgain = Self.errno(11)
    static let noMemory = Self.errno(12)
    static let noAccess = Self.errno(13)
    static let otherDevice = Self.errno(18)
    static let invalid = Self.errno(22)
    static let tooManyFiles = Self.errno(24)
    static let noTerminal = Self.errno(25)
    static let tooBig = Self.errno(27)
    static let noSpace = Self.errno(28)
    static let readOnly = Self.errno(30)
    static let noCall = Self.errno(38)
    static let noFamily = Self.errno(97)
    static let unreachable = Self.errno(101)
    static let refused = Self.errno(111)
}
