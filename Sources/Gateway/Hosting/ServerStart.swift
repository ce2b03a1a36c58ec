package import Sandbox
package import System

/// What a server process is made from.
package enum ServerStart: Sendable {
    case caged(PreparedCage)
    /// Without a cage: only where `cage: none` was written by hand. Standard streams are pipes.
    case bare(SpawnRequest)
}

/// What a `ServerProcess` tells its owner; all of it is called on the loop.
package struct ServerHandlers: Sendable {
    /// A process runs: greets it with `send`, and returns when it has answered; otherwise why it is
    /// not to be used.
    package var greet: @Sendable () async -> String?
    /// A line of its standard output that may be a message; nothing more is read until it returns.
    package var line: @Sendable ([UInt8]) async -> Void
    /// Its standard error; not redacted yet.
    package var errorItem: @Sendable (ErrorLines.Item) -> Void
    /// The process is gone with its whole tree; calls in flight are lost.
    package var ended: @Sendable (_ reason: String) -> Void
    package var report: @Sendable (Supervision.Report) -> Void
    /// A socket of the way out of its cage listens; `ended` ends that, too.
    package var listening: @Sendable (CageListener, consuming Descriptor) -> Void
    /// Whether the running process answers within that time; asked while nobody calls it.
    package var probe: @Sendable (Duration) async -> Bool
    package var health: @Sendable (HealthNote) -> Void

    package init(
        greet: @escaping @Sendable () async -> String?,
        line: @escaping @Sendable ([UInt8]) async -> Void,
        errorItem: @escaping @Sendable (ErrorLines.Item) -> Void = { _ in },
        ended: @escaping @Sendable (String) -> Void = { _ in },
        report: @escaping @Sendable (Supervision.Report) -> Void = { _ in },
        listening: @escaping @Sendable (CageListener, consuming Descriptor) -> Void = { _, _ in },
        probe: @escaping @Sendable (Duration) async -> Bool = { _ in true },
        health: @escaping @Sendable (HealthNote) -> Void = { _ in }
    ) {
        self.greet = greet
        self.line = line
        self.errorItem = errorItem
        self.ended = ended
        self.report = report
        self.listening = listening
        self.probe = probe
        self.health = health
    }
}

/// Why a line could not be given to a server.
package enum ServerProcessError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It rests after crashes, or said things that are no MCP.
    case broken(reason: String)
    /// It cannot be started as it is configured.
    case refused(reason: String)
    /// Its tenant's servers use all they may together.
    case crowded(reason: String)
    /// A process of it, or of the one it takes the place of, was killed and does not end.
    case outlived(reason: String)
    case ended
    case notRunning
    case startTookTooLong
    case tooManyWaiting
    case lineNotUsable(reason: String)
    case writeFailed(reason: String)

    package var description: String {
        switch self {
        case .broken(let reason):
            "the server is resting after a failure (\(reason)); restart it or try again later"
        case .refused(let reason): "the server cannot be started: \(reason)"
        case .crowded(let reason):
            "the server was not started, its tenant's servers use all they may together: \(reason) "
                + "(`hosting`)"
        case .outlived(let reason):
            "the server is not started beside a process of before: \(reason)"
        case .ended: "the server was stopped"
        case .notRunning: "the server is not running; try again"
        case .startTookTooLong: "the server did not start in time; try again"
        case .tooManyWaiting: "too many calls are waiting for the server to start; try again later"
        case .lineNotUsable(let reason): "the message cannot be sent: \(reason)"
        case .writeFailed(let reason): "the server did not take the message: \(reason)"
        }
    }
    /// What an agent is told to do about it, where that is more than to try again later.
    package var advice: String? {
        guard case .crowded = self else { return nil }
        return
            "was not started: other servers of its tenant use all they may use together; nothing was "
            + "done, try again in 10 seconds"
    }
}
