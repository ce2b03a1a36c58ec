import Base
import System

/// What waits to be sent to one agent beside its answers: in order, bounded, and never twice.
///
/// A slow agent loses messages and stays as it is: each says that something changed, and looking
/// tells what.
actor Outbox {
    private let channel: any ReplyChannel
    private let loop: EventLoop
    private var waiting: [[UInt8]] = []
    private var isSending = false
    private var isClosed = false
    private var emptied: Pending<Void>?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// How many messages wait for a slow agent; more are dropped.
    static let limit = 64

    init(_ channel: any ReplyChannel, loop: EventLoop) {
        self.channel = channel
        self.loop = loop
    }

    /// Called on the loop; a message that waits already is not taken again.
    nonisolated func post(_ message: [UInt8]) { assumeIsolated { $0.take(message) } }

    func keepAlive() async {
        guard !isSending else { return }
        await channel.keepAlive()
    }

    /// Returns when everything that was taken has been sent; takes nothing more.
    func close() async {
        isClosed = true
        guard isSending else { return }
        // The sending task always ends: each write is bounded in time by the connection.
        let pending = Pending<Void>(on: loop)
        emptied = pending
        try? await pending.value()
    }

    private func take(_ message: [UInt8]) {
        guard !isClosed, waiting.count < Self.limit, !waiting.contains(message) else { return }
        waiting.append(message)
        guard !isSending else { return }
        isSending = true
        // `close` waits for this one.
        loop.spawn { await self.send() }
    }

    private func send() async {
        while !waiting.isEmpty { await channel.notify(waiting.removeFirst()) }
        isSending = false
        emptied?.fulfil(())
    }
}
