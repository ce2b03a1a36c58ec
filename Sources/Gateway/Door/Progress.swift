import Base
import JSON
import MCP
import Screening
import System

/// Passes progress of one call on to its agent: with the agent's own token, screened, increasing,
/// and ten a second after a first few.
///
/// What came before the answer is sent before it, and nothing after it (2026-07-28,
/// basic/patterns/progress): `finish` waits for what is still on its way.
actor Progress {
    private let token: ProgressToken?
    private let channel: any ReplyChannel
    private let screener: Screener
    private let loop: EventLoop
    private var last = -Double.infinity
    private var next = Instant(nanoseconds: 0)
    private var waiting: [[UInt8]] = []
    private var isSending = false
    private var isFinished = false
    private var finished: Pending<Void>?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    private static let interval: Duration = .milliseconds(100)
    /// How many may come at once: short work reports its few steps whole.
    private static let burst = 20
    /// How many wait for a slow agent; more are dropped.
    private static let waitingLimit = 32

    init(
        _ call: ToolCall,
        channel: any ReplyChannel,
        screener: Screener,
        loop: EventLoop
    ) {
        token = call.progressToken
        self.channel = channel
        self.screener = screener
        self.loop = loop
    }

    /// Called on the loop, where transports live.
    nonisolated var sink: NotificationSink {
        { method, params in
            guard method == "notifications/progress", let params else { return }
            self.assumeIsolated { $0.forward(params) }
        }
    }

    /// Returns when everything that was taken has been sent; takes nothing more.
    func finish() async {
        isFinished = true
        guard isSending else { return }
        // The sending task always ends: each write is bounded in time by the connection.
        let finished = Pending<Void>(on: loop)
        self.finished = finished
        try? await finished.value()
    }

    private func forward(_ params: JSONNode) {
        // No step of any work has more digits; a longer number is a message of its own.
        guard let token, let progress = params["progress"]?.number, progress.text.utf8.count <= 32,
            let value = progress.double, admits(value)
        else { return }
        let message = Envelope.notification("notifications/progress") { writer in
            writer.key("progressToken")
            token.write(to: &writer)
            writer.key("progress")
            writer.number(progress)
            if let total = params["total"]?.number, total.text.utf8.count <= 32 {
                writer.key("total")
                writer.number(total)
            }
            if let text = params["message"]?.string {
                writer.key("message")
                writer.string(self.screener.screen(text: text).text)
            }
        }
        waiting.append(message)
        guard !isSending else { return }
        isSending = true
        // `finish` waits for this one.
        loop.spawn { await self.sendWaiting() }
    }

    private func sendWaiting() async {
        while !waiting.isEmpty { await channel.notify(waiting.removeFirst()) }
        isSending = false
        finished?.fulfil(())
    }

    private func admits(_ value: Double) -> Bool {
        let now = loop.now
        let due = max(next, now)
        guard !isFinished, value > last, waiting.count < Self.waitingLimit,
            due.duration(since: now) < Self.interval * Self.burst
        else { return false }
        last = value
        next = due.advanced(by: Self.interval)
        return true
    }
}
