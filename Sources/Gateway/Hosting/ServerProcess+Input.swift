import Base
import System

// What a server is told: whole lines, to the process that was meant.

extension ServerProcess {
    /// Sends one message; waits while the server takes its input slowly.
    ///
    /// Messages are queued whole in the order of the calls, so that two never mix. Throws `notRunning`
    /// where nothing of it was written, because the process is gone or going.
    package func send(_ line: [UInt8]) async throws(ServerProcessError) {
        guard line.count <= Limits.lineByteCount else {
            throw .lineNotUsable(reason: "it has more than \(Limits.lineByteCount) bytes")
        }
        guard !line.contains(0x0a) else { throw .lineNotUsable(reason: "it has a line break") }
        guard let running, running.end == nil, isHeard, let input = running.child.input else {
            try checkHope()
            throw .notRunning
        }
        do {
            try input.send(line, [0x0a])
        } catch {
            guard error != .sendLimitReached else { throw .writeFailed(reason: "\(error)") }
            expectEndOfDeaf()
            try checkHope()
            throw .notRunning
        }
        guard input.unsentCount > input.highWater else { return }
        do {
            try await input.drained(to: input.highWater / 2)
        } catch {
            if error == .timedOut { feed(.stalled(reason: "it takes no input")) }
            throw .writeFailed(reason: "\(error)")
        }
    }

    /// A process that takes no input has most likely just ended, and how it did will be heard in a
    /// moment; one that did not end, or reads nothing, is of no use.
    func expectEndOfDeaf() {
        guard let running, running.end == nil, running.isDeaf else { return }
        if running.child.input?.failure == .timedOut {
            return feed(.stalled(reason: "it takes no input"))
        }
        let generation = running.generation
        loop.schedule(after: Limits.endOfDeaf) { [self] in
            guard self.running?.generation == generation, self.running?.end == nil else { return }
            feed(.stalled(reason: "it closed its input"))
        }
    }
}
