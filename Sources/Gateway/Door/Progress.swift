import Base
import JSON
import MCP
import Screening
import Policy
import System

/// Passes progress and log messages of one call on to its agent: with the agent's own token, screened, increasing,
/// and ten a second after a first few.
///
/// What came before the answer is sent before it, and nothing after it (2026-07-28,
/// basic/patterns/progress): `finish` waits for what is still on its way.
actor Progress {
    private let token: ProgressToken?
    private let logLevel: LogLevel?
    private let revision: Revision
    /// Whose messages they are, where agents see several servers.
    private let server: ServerName?
    private let channel: any ReplyChannel
    private let screener: Screener
    private let loop: EventLoop
    private var last: Double
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

    /// Nil where the agent wants neither.
    init?(
        _ judged: JudgedCall,
        channel: any ReplyChannel,
        screener: Screener,
        loop: EventLoop
    ) {
        guard judged.call.progressToken != nil || judged.call.logLevel != nil else { return nil }
        token = judged.call.progressToken
        // What was told while the call waited lies below; the server's own may begin with nothing.
        last = if case .ask = judged.verdict.outcome { Self.waitingEnd } else { -.infinity }
        logLevel = judged.call.logLevel
        revision = judged.call.revision
        server = judged.call.endpoint == .all ? judged.tool.reference.server : nil
        self.channel = channel
        self.screener = screener
        self.loop = loop
    }

    /// Progress of a held call: tiny steps, so that the server's own come after them.
    ///
    /// Nil where the agent asked for none.
    static func waiting(_ call: ToolCall, step: Int) -> [UInt8]? {
        guard let token = call.progressToken, (1..<1000).contains(step) else { return nil }
        return Envelope.notification("notifications/progress") { writer in
            writer.key("progressToken")
            token.write(to: &writer)
            writer.key("progress")
            let digits = String(step)
            writer.raw(
                Array(("0." + String(repeating: "0", count: 6 - digits.utf8.count) + digits).utf8)
            )
            if call.revision > .r2024_11_05 {
                writer.key("message")
                writer.string("waiting for a person's answer")
            }
        }
    }

    /// More than any step of a wait.
    private static let waitingEnd = 0.001

    /// Called on the loop, where transports live.
    nonisolated var sink: NotificationSink {
        { method, params in
            guard let params else { return }
            switch method {
            case "notifications/progress": self.assumeIsolated { $0.forward(params) }
            case "notifications/message": self.assumeIsolated { $0.forwardLog(params) }
            default: break
            }
        }
    }

    /// Takes nothing more; false where something that was taken is still being sent.
    func finishNow() -> Bool {
        isFinished = true
        return !isSending
    }

    /// Returns when everything that was taken has been sent.
    func finish() async {
        guard !finishNow() else { return }
        // The sending task always ends: each write is bounded in time by the connection.
        let finished = Pending<Void>(on: loop)
        self.finished = finished
        try? await finished.value()
    }

    private func forward(_ params: JSONNode) {
        // No step of any work has more digits; a longer number is a message of its own.
        guard let token, let progress = params["progress"]?.number, progress.text.utf8.count <= 32,
            let value = progress.double, value > last, admits()
        else { return }
        last = value
        let message = Envelope.notification("notifications/progress") { writer in
            writer.key("progressToken")
            token.write(to: &writer)
            writer.key("progress")
            writer.number(progress)
            if let total = params["total"]?.number, total.text.utf8.count <= 32 {
                writer.key("total")
                writer.number(total)
            }
            // 2024-11-05 has no words for a step.
            if self.revision > .r2024_11_05, let text = params["message"]?.string {
                writer.key("message")
                writer.string(self.screener.screen(text: text).text)
            }
        }
        enqueue(message)
    }

    /// A message of the level the agent asked for: screened, under its server's name where there
    /// are several.
    private func forwardLog(_ params: JSONNode) {
        guard let logLevel, let level = params["level"]?.string.flatMap({ LogLevel(rawValue: $0) }),
            level >= logLevel, let data = params["data"],
            data.source.count <= Limits.logMessageByteCount, admits()
        else { return }
        let own = params["logger"]?.string.map { screener.screen(text: $0, limitInBytes: 256).text }
        let logger = [server?.rawValue, own].compactMap(\.self).joined(separator: "/")
        let message = Envelope.notification("notifications/message") { writer in
            writer.key("level")
            writer.string(level.rawValue)
            if !logger.isEmpty {
                writer.key("logger")
                writer.string(logger)
            }
            writer.key("data")
            writer.raw(self.screener.screen(value: data).bytes)
        }
        enqueue(message)
    }

    private func enqueue(_ message: [UInt8]) {
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

    private func admits() -> Bool {
        let now = loop.now
        let due = max(next, now)
        guard !isFinished, waiting.count < Self.waitingLimit,
            due.duration(since: now) < Self.interval * Self.burst
        else { return false }
        next = due.advanced(by: Self.interval)
        return true
    }
}

/// What a call asks of its progress on the loop of both, without a switch of actors.
protocol Finishing: Sendable {
    func finishNow() -> Bool
}

extension Progress: @preconcurrency Finishing {}
