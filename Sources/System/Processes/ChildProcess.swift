package import Base
import CLinux
import Glibc

/// A program we started: its streams, its end, and the way to end it with all it started.
///
/// Lives on a loop and is not `Sendable`. Whoever spawned it keeps it until it has ended; the loop
/// holds it meanwhile.
package final class ChildProcess: EventSource {
    package let processID: Int32
    /// Our end of its standard input, when it is a pipe.
    package private(set) var input: Stream?
    /// Our end of its standard output, when it is a pipe.
    package private(set) var output: Stream?
    /// Our end of its standard error, when it is a pipe.
    package private(set) var error: Stream?
    /// How it ended; nil while it runs.
    package private(set) var status: ProcessEnd?
    /// Called once on the loop when it has ended and is reaped.
    package var onExit: ((ProcessEnd) -> Void)?

    private let hasSession: Bool
    private var descriptor: Descriptor?
    private var waiters: [Pending<ProcessEnd>] = []

    /// Starts a program and watches it on the loop; call it on the loop.
    package static func spawn(
        _ request: SpawnRequest,
        on loop: EventLoop
    ) throws(SpawnError) -> ChildProcess {
        var plan = DescriptorPlan()
        do throws(SystemError) {
            try plan.add(request.standardInput, at: 0)
            try plan.add(request.standardOutput, at: 1)
            try plan.add(request.standardError, at: 2)
        } catch {
            throw SpawnError(executable: request.executable, step: "make pipes", cause: error)
        }
        for (target, source) in request.extraDescriptors.sorted(by: { $0.key < $1.key }) {
            plan.pass(source, as: target)
        }
        let (pidfd, pid) = try launch(request, plan)
        do throws(SystemError) {
            return try ChildProcess(
                pid,
                Descriptor(adopting: pidfd),
                hasSession: request.startsSession,
                &plan,
                on: loop
            )
        } catch {
            // Without a watch nobody would ever notice its end.
            _ = kill(pid, SIGKILL)
            throw SpawnError(executable: request.executable, step: "watch it", cause: error)
        }
    }

    private init(
        _ processID: Int32,
        _ descriptor: consuming Descriptor,
        hasSession: Bool,
        _ plan: inout DescriptorPlan,
        on loop: EventLoop
    ) throws(SystemError) {
        self.processID = processID
        self.hasSession = hasSession
        let number = descriptor.number
        self.descriptor = consume descriptor
        super.init(on: loop)
        input = try plan.takeOurEnd(of: 0, on: loop)
        output = try plan.takeOurEnd(of: 1, on: loop)
        error = try plan.takeOurEnd(of: 2, on: loop)
        try loop.watch(self, number, .readable)
    }

    /// A pidfd becomes readable when its process ends.
    override func handle(_ readiness: Readiness) {
        guard let descriptor = descriptor?.number, status == nil else { return }
        var (isSignal, value): (CInt, CInt) = (0, 0)
        let result = unsafe cgate_reap(descriptor, &isSignal, &value)
        guard result != 0 else { return }
        // A negative result: somebody else reaped it; how it ended is lost.
        let ended: ProcessEnd =
            result < 0 ? .exited(255) : isSignal != 0 ? .killed(signal: value) : .exited(value)
        status = ended
        loop.unwatch(self)
        self.descriptor = nil
        let (hook, waiting) = (onExit, waiters)
        onExit = nil
        waiters = []
        hook?(ended)
        for waiter in waiting { waiter.fulfil(ended) }
    }

    /// Waits until it has ended; throws `DeadlinePassed` when it still runs by then.
    package func exit(until deadline: Instant? = nil) async throws -> ProcessEnd {
        if let status { return status }
        let waiter = Pending<ProcessEnd>(on: loop)
        waiters.append(waiter)
        defer { waiters.removeAll { $0 === waiter } }
        return try await waiter.value(until: deadline)
    }

    /// Sends a signal to the process alone; nothing happens when it has ended.
    package func signal(_ signal: Signal) {
        guard let descriptor = descriptor?.number else { return }
        _ = cgate_pidfd_signal(descriptor, signal.rawValue)
    }

    /// Kills it and everything it started: its session, and all descendants however they left it.
    ///
    /// What escaped both (a grandchild that made its own session and lost its parents) is only
    /// held by a cage's process namespace. Blocks for a walk over `/proc`, about a millisecond.
    package func killTree() {
        ProcessTree.kill(root: processID, session: hasSession ? processID : nil)
        signal(.kill)
    }

    /// Asks it to end: closes its input, after `grace` sends SIGTERM, after another `grace` kills
    /// the whole tree.
    ///
    /// Whatever it left behind when it ends in time is killed as well.
    package func stop(grace: Duration) async -> ProcessEnd {
        input?.close()
        for step in [Signal?.none, .terminate] {
            if let step { signal(step) }
            if let status = try? await exit(until: loop.now.advanced(by: grace)) {
                ProcessTree.kill(root: nil, session: hasSession ? processID : nil)
                return status
            }
        }
        killTree()
        return (try? await exit()) ?? .killed(signal: SIGKILL)
    }

    /// Closes our ends of its streams.
    package func closeStreams() {
        input?.close()
        output?.close()
        error?.close()
    }
}

/// Which descriptors the child gets, and our ends of the pipes.
private struct DescriptorPlan: ~Copyable {
    private(set) var sources: [CInt] = []
    private(set) var targets: [CInt] = []
    /// What only the child needs; closed with the plan.
    private var childEnds: [OwnedNumber] = []
    private var ourEnds: [CInt: OwnedNumber] = [:]

    init() {}

    mutating func pass(_ source: CInt, as target: CInt) {
        sources.append(source)
        targets.append(target)
    }

    mutating func add(_ stream: StandardStream, at target: CInt) throws(SystemError) {
        switch stream {
        case .inherited: pass(target, as: target)
        case .descriptor(let number): pass(number, as: target)
        case .null:
            let flags = target == 0 ? CGATE_READ : CGATE_WRITE
            let number = try checked(
                "open",
                unsafe cgate_open(-1, "/dev/null", CInt(flags), 0),
                subject: "/dev/null"
            )
            childEnds.append(OwnedNumber(number))
            pass(number, as: target)
        case .pipe:
            let (reading, writing) = try Pipe(nonblocking: target == 0 ? .writing : .reading)
                .split()
            let child = target == 0 ? reading : writing
            childEnds.append(OwnedNumber(child))
            ourEnds[target] = OwnedNumber(target == 0 ? writing : reading)
            pass(child, as: target)
        }
    }

    mutating func takeOurEnd(of target: CInt, on loop: EventLoop) throws(SystemError) -> Stream? {
        guard let end = ourEnds.removeValue(forKey: target) else { return nil }
        return try Stream(adopting: end.take(), .pipe, on: loop)
    }
}

/// A descriptor in a collection, which cannot hold a `Descriptor`; closed unless it is taken.
private final class OwnedNumber {
    private var descriptor: Descriptor?
    init(_ number: CInt) { descriptor = Descriptor(adopting: number) }

    func take() -> Descriptor {
        guard let taken = descriptor.take() else { preconditionFailure("taken twice") }
        return taken
    }
}

private func launch(
    _ request: SpawnRequest,
    _ plan: borrowing DescriptorPlan
) throws(SpawnError) -> (pidfd: CInt, pid: CInt) {
    func failed(_ step: String, _ call: String, _ code: CInt) -> SpawnError {
        SpawnError(
            executable: request.executable,
            step: step,
            cause: SystemError(call: call, code: code)
        )
    }
    let texts = [request.executable, request.workingDirectory ?? ""] + request.arguments
    guard !(texts + request.environment).contains(where: { $0.utf8.contains(0) }) else {
        throw failed("pass a text with a NUL byte", "execve", EINVAL)
    }
    let arguments = CStrings([request.name ?? request.executable] + request.arguments)
    let environment = CStrings(request.environment)
    var (pid, step): (CInt, CInt) = (-1, 0)
    let pidfd = unsafe request.executable.withCString { path in
        unsafe withOptionalCString(request.workingDirectory) { directory in
            let identity = request.identity
            return unsafe (identity?.groups ?? []).withUnsafeBufferPointer { groups in
                unsafe plan.sources.withUnsafeBufferPointer { sources in
                    unsafe plan.targets.withUnsafeBufferPointer { targets in
                        guard let source = sources.baseAddress, let target = targets.baseAddress
                        else { return -EINVAL }
                        var start = unsafe cgate_spawn_request(
                            path: path,
                            arguments: arguments.pointers,
                            environment: environment.pointers,
                            directory: directory,
                            sources: source,
                            targets: target,
                            descriptor_count: CInt(sources.count),
                            has_identity: identity == nil ? 0 : 1,
                            user: identity?.user ?? 0,
                            group: identity?.group ?? 0,
                            groups: groups.baseAddress,
                            group_count: CInt(groups.count),
                            starts_session: request.startsSession ? 1 : 0,
                            dies_with_parent: request.diesWithParent ? 1 : 0,
                            gains_no_privileges: request.gainsNoPrivileges ? 1 : 0,
                            open_file_limit: request.openFileLimit
                        )
                        return unsafe cgate_spawn(&start, &pid, &step)
                    }
                }
            }
        }
    }
    guard pidfd >= 0 else { throw failed(stepText(step, request), "spawn", -pidfd) }
    return (pidfd, pid)
}

private func stepText(_ step: CInt, _ request: SpawnRequest) -> String {
    switch Int(step) {
    case CGATE_STEP_CLONE: "make a process"
    case CGATE_STEP_SESSION: "start a session"
    case CGATE_STEP_DESCRIPTORS: "arrange its descriptors"
    case CGATE_STEP_LIMITS: "set its limits"
    case CGATE_STEP_IDENTITY: "become user \(request.identity?.user ?? 0)"
    case CGATE_STEP_DIRECTORY: "change to its folder `\(request.workingDirectory ?? "")`"
    case CGATE_STEP_PRIVILEGES: "give up privileges"
    default: "execute it"
    }
}

private func withOptionalCString<Result>(
    _ text: String?,
    _ body: (UnsafePointer<CChar>?) -> Result
) -> Result {
    guard let text else { return body(nil) }
    return unsafe text.withCString { unsafe body($0) }
}

/// An array of C strings with the null at its end that execve wants.
///
/// Safe: the strings are copies owned by this object and freed with it.
@safe
private final class CStrings {
    private var strings: [UnsafeMutablePointer<CChar>?]
    private let storage: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    init(_ texts: [String]) {
        unsafe strings = unsafe texts.map { unsafe strdup($0) } + [nil]
        unsafe storage = .allocate(capacity: strings.count)
        unsafe storage.initialize(from: strings, count: strings.count)
    }

    var pointers: UnsafePointer<UnsafeMutablePointer<CChar>?> { unsafe UnsafePointer(storage) }

    deinit {
        while let text = unsafe strings.popLast() { unsafe free(text) }
        unsafe storage.deallocate()
    }
}
