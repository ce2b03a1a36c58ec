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
            "\(printable(reason, limit: 256)); it rests for \(Self.text(rest))"
        case .fellAsleep: "asleep until it is called"
        case .refused(let reason): "not started: \(printable(reason, limit: 256))"
        case .ended: "ended"
        }
    }

    private static func text(_ duration: Duration) -> String {
        let (seconds, rest) = duration.components
        guard seconds < 60 else { return "\(seconds / 60) min" }
        return seconds == 0 ? "\(rest / 1_000_000_000_000_000) ms" : "\(seconds) s"
    }
}
