import Base
import JSON
import MCP
import Screening
import System

/// Passes progress of one call on to its agent: with the agent's own token, screened, increasing,
/// and at most ten a second.
struct Progress: Sendable {
    private let token: ProgressToken?
    private let channel: any ReplyChannel
    private let screener: Screener
    private let loop: EventLoop
    private let state = Lock((last: -Double.infinity, next: Instant(nanoseconds: 0)))

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

    var sink: NotificationSink {
        { method, params in
            guard method == "notifications/progress", let token, let params else { return }
            forward(params, token)
        }
    }

    private func forward(_ params: JSONNode, _ token: ProgressToken) {
        guard let progress = params["progress"]?.number, let value = progress.double,
            admits(value)
        else { return }
        let message = Envelope.notification("notifications/progress") { writer in
            writer.key("progressToken")
            token.write(to: &writer)
            writer.key("progress")
            writer.number(progress)
            if let total = params["total"]?.number {
                writer.key("total")
                writer.number(total)
            }
            if let text = params["message"]?.string {
                writer.key("message")
                writer.string(screener.screen(text: text).text)
            }
        }
        // The call's own task waits for its answer; this one ends with the write, which the
        // connection bounds in time.
        loop.spawn { [channel] in await channel.notify(message) }
    }

    private func admits(_ value: Double) -> Bool {
        let now = loop.now
        return state.withLock { state in
            guard value > state.last, now >= state.next else { return false }
            state = (value, now.advanced(by: .milliseconds(100)))
            return true
        }
    }
}
