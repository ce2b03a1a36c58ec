/// What a child process is started with; nothing is inherited that is not named here.
package struct SpawnRequest: Sendable {
    /// An absolute path; there is no search and no shell.
    package var executable: String
    /// Everything after the program's own name.
    package var arguments: [String]
    /// What the program sees as its own name; the path when nil.
    package var name: String?
    /// The whole environment, as `NAME=value`.
    package var environment: [String]
    package var workingDirectory: String?
    package var standardInput: StandardStream = .null
    package var standardOutput: StandardStream = .null
    package var standardError: StandardStream = .null
    /// Further descriptors: the child's number to ours, which the caller keeps open until `spawn`
    /// returns.
    package var extraDescriptors: [CInt: CInt] = [:]
    /// Needs privileges (CAP_SETUID, CAP_SETGID).
    package var identity: ProcessIdentity?
    /// A session and process group of its own, without a terminal.
    package var startsSession = true
    /// Killed when the thread that started it ends: start from the loop's thread.
    package var diesWithParent = true
    /// PR_SET_NO_NEW_PRIVS: no set-uid program helps it or its children.
    package var gainsNoPrivileges = true
    /// The soft limit of open files; the gateway's own is raised, and programs that use select
    /// break beyond 1024.
    package var openFileLimit: UInt64 = 1024

    package init(executable: String, arguments: [String] = [], environment: [String] = []) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }
}

/// Where one of the child's standard streams leads.
package enum StandardStream: Hashable, Sendable {
    /// `/dev/null`.
    case null
    /// A pipe whose other end is a `Stream` of the `ChildProcess`.
    case pipe
    /// The same as ours of that number.
    case inherited
    /// A descriptor of ours, which the caller keeps open until `spawn` returns.
    case descriptor(CInt)
}

/// The user and groups a child runs as.
package struct ProcessIdentity: Hashable, Sendable {
    package let user: UInt32
    package let group: UInt32
    /// The supplementary groups; all others are dropped.
    package let groups: [UInt32]

    package init(user: UInt32, group: UInt32, groups: [UInt32] = []) {
        self.user = user
        self.group = group
        self.groups = groups
    }
}

/// How a process ended.
package enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    package var isSuccess: Bool { self == .exited(0) }

    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "killed by signal \(signal) (\(Signal(rawValue: signal).name))"
        }
    }
}

/// Why a program did not start.
package struct SpawnError: Error, Equatable, Sendable, CustomStringConvertible {
    package let executable: String
    /// What was being done, such as `change the working directory`.
    package let step: String
    package let cause: SystemError

    package var description: String {
        "`\(executable)` did not start: could not \(step): \(cause.text) (\(cause.name))"
    }
}
