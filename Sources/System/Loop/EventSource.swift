/// A descriptor the loop watches, and the timer that goes with it.
///
/// Not `Sendable`: only the loop's thread touches it.
package class EventSource: Timed {
    package final let loop: EventLoop
    /// The watched number, or -1 when it is not watched.
    final var watched: CInt = -1

    init(on loop: EventLoop) { self.loop = loop }

    /// Called by the loop with what the kernel reported.
    func handle(_ readiness: Readiness) {}
}

/// Calls a closure whenever a descriptor can be read; for pidfds, signalfds, inotify and the like.
///
/// Level-triggered: the closure reads until nothing is left, or it is called again.
package final class ReadWatch: EventSource {
    private var body: (() -> Void)?

    /// Watches `number`, which must stay open until `cancel`.
    ///
    /// The loop keeps the watch alive.
    package init(
        _ number: CInt,
        on loop: EventLoop,
        _ body: @escaping () -> Void
    )
        throws(SystemError)
    {
        self.body = body
        super.init(on: loop)
        try loop.watch(self, number, .readable)
    }

    package func cancel() {
        loop.unwatch(self)
        body = nil
    }

    override func handle(_ readiness: Readiness) { body?() }
}
