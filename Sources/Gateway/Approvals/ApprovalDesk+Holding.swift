import Approval
import Base
import System

/// Calls that are held while people decide.
extension ApprovalDesk {
    /// What the end of a hold tells of its client.
    func learn(
        _ client: HoldMemory.Client,
        _ hold: Duration,
        _ began: Instant,
        _ answer: ApprovalAnswer?,
        _ reason: CallCancellation.Reason?
    ) {
        let waited = loop.now.duration(since: began)
        switch (answer, reason) {
        case (.ticket, _) where waited >= hold:
            keep(holds.stayed(client, atMost: book.settings.hold, at: clock.timestamp))
        case (nil, .cancelled), (nil, .disconnected):
            keep(holds.left(client, after: waited, at: clock.timestamp))
        default: break
        }
    }

    /// Waits for the answer and keeps the agent's connection awake meanwhile: by progress where it
    /// asked for that, which starts the clocks of many clients anew.
    func wait(
        for pending: Pending<ApprovalAnswer>,
        _ judged: JudgedCall,
        channel: any ReplyChannel
    ) async -> ApprovalAnswer? {
        // Ends with the question: `isSettled` is looked at before each comment.
        let awake = loop.spawn { [loop] in
            var pause = Duration.seconds(2)
            var step = 1
            while !Task.isCancelled {
                guard (try? await loop.sleep(for: pause)) != nil else { return }
                if let message = Progress.waiting(judged.call, step: step) {
                    await channel.notify(message)
                    step += 1
                } else {
                    await channel.keepAlive()
                }
                pause = .seconds(15)
            }
        }
        defer { awake.cancel() }
        return try? await pending.value()
    }
}
