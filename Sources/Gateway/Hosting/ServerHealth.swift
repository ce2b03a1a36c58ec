package import Base
import System

/// When a running server is asked whether it still answers.
package struct HealthSettings: Sendable, Equatable {
    /// From its last answer, or its start, to the next probe.
    package let interval: Duration
    /// How long it has to answer; a server that says nothing at all for so long is ended.
    package let timeout: Duration

    package init(interval: Duration, timeout: Duration) {
        self.interval = interval
        self.timeout = timeout
    }

    /// What holds where nothing is written.
    package static let standard = HealthSettings(
        interval: Limits.healthInterval,
        timeout: Limits.healthTimeout
    )
}

/// What the owner of a process is told of it.
package enum HealthNote: Sendable, Equatable, CustomStringConvertible {
    /// It is being ended because it stopped, or does not answer any more.
    case ended
    /// It never answered a probe, so that nothing can be told by them.
    case notAnswered(within: Duration)

    package var description: String {
        switch self {
        case .ended: "ended, because it says nothing any more"
        case .notAnswered(let time):
            "it did not answer a probe within \(time.milliseconds) ms and never did: it is not "
                + "asked further (`health: none` asks never)"
        }
    }
}

/// What is known of how a process answers.
package struct ServerHealth: Sendable, Equatable {
    /// When it answered its last probe, and how long that took; nil before the first, and kept from
    /// process to process.
    package var answered: (at: Instant, after: Duration)?
    /// Processes that were ended because they stopped, or did not answer a probe.
    package var endedCount = 0
    /// The process that runs did not answer its probe, and none before it ever did.
    package var isUnanswered = false

    package static func == (left: Self, right: Self) -> Bool {
        left.answered?.at == right.answered?.at && left.answered?.after == right.answered?.after
            && left.endedCount == right.endedCount && left.isUnanswered == right.isUnanswered
    }
}

// A server that hangs between calls shows nothing: it is asked.

extension ServerProcess {
    /// Asks the process from now on, again and again, while it is the same one and ready.
    func watchHealth() {
        healthTimer?.cancel()
        healthTimer = nil
        guard let healthSettings, supervision.state == .ready, let running else { return }
        let generation = running.generation
        healthTimer = loop.schedule(after: healthSettings.interval) { [self] in
            // Ends with the answer or the time for it.
            loop.spawn { await self.probe(generation, healthSettings) }
        }
    }

    func endHealthWatch() {
        healthTimer?.cancel()
        healthTimer = nil
    }

    private func probe(_ generation: Int, _ settings: HealthSettings) async {
        guard isReady(generation) else { return }
        // What works on a call may be too busy to answer: the call has a time of its own.
        guard callCount == 0 else { return watchHealth() }
        let (began, heard) = (loop.now, heardCount)
        let hasAnswered = await handlers.probe(settings.timeout)
        guard isReady(generation) else { return }
        if hasAnswered {
            health.answered = (loop.now, loop.now.duration(since: began))
        } else if heardCount == heard, callCount == 0 {
            // A call that began meanwhile has its own time, too.
            guard health.answered != nil else { return leaveUnasked(settings) }
            return unresponsive(
                "it did not answer within \(settings.timeout.milliseconds) ms (`health`)"
            )
        }
        watchHealth()
    }

    /// Many small servers drop what they do not know: only one that has answered can fall silent.
    private func leaveUnasked(_ settings: HealthSettings) {
        if !wasNotedUnanswered { handlers.health(.notAnswered(within: settings.timeout)) }
        wasNotedUnanswered = true
        health.isUnanswered = true
    }

    /// PID 1 saw the server stop: nothing of it goes on by itself.
    func noteStop(_ signal: Int32) {
        guard supervision.state == .ready || supervision.state == .starting else { return }
        unresponsive("it was stopped by signal \(signal)")
    }

    private func unresponsive(_ reason: String) {
        health.endedCount += 1
        handlers.health(.ended)
        feed(.silent(reason: reason))
    }

    private func isReady(_ generation: Int) -> Bool {
        supervision.state == .ready && running?.generation == generation
    }
}
