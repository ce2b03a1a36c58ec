import Base

extension Supervision.Report: CustomStringConvertible {
    /// What the log says of the server.
    package var description: String {
        switch self {
        case .started: "started"
        case .ready: "ready"
        case .crashed(let reason, let delay):
            "\(printable(reason, limit: 256)); it is started again in \(Self.text(delay))"
        case .circuitOpened(let reason, let rest):
            "\(printable(reason, limit: 256)); it rests for \(Self.text(rest)) "
                + "or until `gatehouse servers restart`"
        case .fellAsleep: "asleep until it is called"
        case .leftAsleep(let reason):
            "\(printable(reason, limit: 256)); this came too often, it sleeps until it is called"
        case .refused(let reason): "not started: \(printable(reason, limit: 600))"
        case .left(let reason): "\(reason); nothing takes its place before it is gone"
        case .ended: "ended"
        }
    }

    private static func text(_ duration: Duration) -> String {
        let (seconds, rest) = duration.components
        guard seconds < 60 else { return "\(seconds / 60) min" }
        return seconds == 0 ? "\(rest / 1_000_000_000_000_000) ms" : "\(seconds) s"
    }
}

extension Supervision.State {
    /// Every word that `words` may say, for the labels of metrics.
    static let allWords = [
        "idle", "starting", "running", "restarting", "stopping", "resting", "refused", "ended",
    ]

    /// One word for listings and metrics, and the reason where there is one.
    package var words: (state: String, reason: String?) {
        switch self {
        case .asleep: ("idle", nil)
        case .starting: ("starting", nil)
        case .ready: ("running", nil)
        case .backingOff: ("restarting", "it crashed and waits for its next start")
        case .stopping(.left, then: _): ("stopping", "it was killed and does not end")
        case .stopping(_, then: .sleep): ("stopping", "it was idle")
        case .stopping: ("stopping", nil)
        case .broken(let reason): ("resting", reason)
        case .refused(let reason): ("refused", reason)
        case .ended: ("ended", nil)
        }
    }
}
