import Base
private import Glibc
import System

/// Runs a program to its end and keeps what it said; blocks, so call it off the loop.
///
/// For the probe at start and for tests; servers are run by the gateway's supervision.
package struct BlockingRun: Sendable {
    package let exit: CageExit
    package let output: [UInt8]
    package let errors: [UInt8]
    package let reports: [CageReport]
    package let didTimeOut: Bool

    package static let outputByteCountLimit = 1 << 20

    package init(
        _ executable: String,
        _ arguments: [String],
        input: [UInt8] = [],
        deadline: Duration = .seconds(10)
    ) throws(CageError) {
        try self.init(
            executable,
            [executable] + arguments,
            passing: [],
            control: nil,
            input: input,
            deadline: deadline
        )
    }

    /// Starts a cage.
    ///
    /// `user` stands in for an ordinary user where a test runs as root, by way of `setpriv`.
    package init(
        _ launch: borrowing CageLaunch,
        input: [UInt8] = [],
        as user: UInt32? = nil,
        deadline: Duration = .seconds(10)
    ) throws(CageError) {
        var arguments = launch.arguments
        var executable = launch.executable
        if let user {
            arguments =
                [
                    "setpriv", "--reuid", String(user), "--regid", String(user), "--clear-groups",
                    executable,
                ] + arguments.dropFirst()
            executable = "/usr/bin/setpriv"
        }
        try self.init(
            executable,
            arguments,
            passing: launch.passed.numbers,
            control: launch.control.number,
            input: input,
            deadline: deadline
        )
    }

    private init(
        _ executable: String,
        _ arguments: [String],
        passing: [CInt],
        control: CInt?,
        input: [UInt8],
        deadline: Duration
    ) throws(CageError) {
        var pipes: [CInt] = []
        defer { for number in pipes { _ = Descriptor(adopting: number) } }
        do {
            for _ in 0..<3 {
                let (reading, writing) = try Pipe().split()
                pipes += [reading, writing]
            }
        } catch { throw .launchFailed("\(error)") }
        let process = try Self.spawn(
            executable,
            arguments,
            descriptors: [pipes[0], pipes[3], pipes[5]] + passing
        )
        // Our copies of the child's ends, so that its end shows.
        for index in [0, 3, 5] { pipes[index] = Self.replaced(pipes[index]) }
        var collector = Collector(output: pipes[2], errors: pipes[4], control: control)
        Self.write(input, to: pipes[1])
        pipes[1] = Self.replaced(pipes[1])
        collector.run(deadline)
        if collector.didTimeOut { kill(process, SIGKILL) }
        var status: CInt = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        collector.drainControl()
        exit = CageExit(waitStatus: status)
        output = collector.texts[0]
        errors = collector.texts[1]
        reports = collector.reports
        didTimeOut = collector.didTimeOut
    }

    /// Closes a number and gives one that closing again does no harm to.
    private static func replaced(_ number: CInt) -> CInt {
        _ = Descriptor(adopting: number)
        return -1
    }

    private static func write(_ bytes: [UInt8], to number: CInt) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(number, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Standard descriptors first, then those that become 3, 4, …; an empty environment.
    private static func spawn(
        _ executable: String,
        _ arguments: [String],
        descriptors: [CInt]
    ) throws(CageError) -> pid_t {
        // Copies far above the targets, so that no target is a source still to come.
        var numbers: [CInt] = []
        defer { for number in numbers { _ = Descriptor(adopting: number) } }
        for descriptor in descriptors {
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 256)
            guard copy >= 0 else { throw .launchFailed("no descriptor is left (errno \(errno))") }
            numbers.append(copy)
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, number) in numbers.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, number, CInt(clamping: target))
        }
        var texts: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
        defer { unsafe texts.forEach { unsafe free($0) } }
        unsafe texts.append(nil)
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
        var process: pid_t = 0
        let status = unsafe posix_spawn(&process, executable, &actions, nil, &texts, &variables)
        guard status == 0 else {
            throw .launchFailed("`\(printable(executable))` could not be started (errno \(status))")
        }
        return process
    }
}

/// Reads what a child says until all of it has ended.
private struct Collector {
    private var numbers: [CInt]
    private(set) var texts: [[UInt8]] = [[], []]
    private(set) var reports: [CageReport] = []
    private(set) var didTimeOut = false
    private let control: CInt?

    init(output: CInt, errors: CInt, control: CInt?) {
        numbers = [output, errors]
        self.control = control
    }

    mutating func run(_ deadline: Duration) {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: deadline)
        while numbers.contains(where: { $0 >= 0 }) {
            let left = clock.now.duration(to: end).milliseconds
            guard left > 0 else {
                didTimeOut = true
                return
            }
            var polls = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let count = nfds_t(polls.count)
            guard unsafe poll(&polls, count, CInt(clamping: left)) >= 0 || errno == EINTR else {
                return
            }
            for (index, entry) in polls.enumerated() where entry.revents != 0 {
                if !take(index) { numbers[index] = -1 }
            }
            drainControl()
        }
    }

    private mutating func take(_ index: Int) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        let count = unsafe chunk.withUnsafeMutableBytes { buffer in
            unsafe read(numbers[index], buffer.baseAddress, buffer.count)
        }
        guard count > 0 else { return false }
        let room = BlockingRun.outputByteCountLimit - texts[index].count
        texts[index] += chunk.prefix(min(count, max(0, room)))
        return true
    }

    mutating func drainControl() {
        guard let control else { return }
        while true {
            var message = [UInt8](repeating: 0, count: CageReport.byteCount)
            let count = unsafe message.withUnsafeMutableBytes { buffer in
                unsafe read(control, buffer.baseAddress, buffer.count)
            }
            guard count == CageReport.byteCount, let report = CageReport(message) else { return }
            reports.append(report)
        }
    }
}
