package import Base

/// A deadline passed before the value came.
package struct DeadlinePassed: Error, Equatable, Sendable {
    package init() {}
}

/// One value that one task waits for: a reply by its id, a decision, a commit.
///
/// Settled at most once, by `fulfil`, `fail`, or its deadline; later settlements are ignored. It is
/// used on its loop only, and costs one object and no timer work beyond one heap insertion.
package final class Pending<Value>: Timed {
    private let loop: EventLoop
    private var result: Result<Value, any Error>?
    private var waiter = Waiter()

    package init(on loop: EventLoop) { self.loop = loop }

    package var isSettled: Bool { result != nil }

    package func fulfil(_ value: Value) { settle(.success(value)) }
    package func fail(_ error: any Error) { settle(.failure(error)) }

    private func settle(_ outcome: Result<Value, any Error>) {
        loop.requireOnLoop()
        guard result == nil else { return }
        result = outcome
        if isScheduled { loop.cancelTimer(self) }
        waiter.resume()
    }

    override func fire() { settle(.failure(DeadlinePassed())) }

    /// Moves the deadline of who waits already.
    package func extend(until deadline: Instant) {
        loop.requireOnLoop()
        guard result == nil, isScheduled else { return }
        loop.setTimer(self, due: deadline.nanoseconds)
    }

    /// Waits for the value; one caller.
    ///
    /// Cancellation of the task is not watched: whoever cancels calls `fail`.
    package func value(until deadline: Instant? = nil) async throws -> Value {
        if result == nil {
            if let deadline { loop.setTimer(self, due: deadline.nanoseconds) }
            await unsafe withUnsafeContinuation { unsafe waiter.hold($0, unless: result != nil) }
        }
        guard let result else { throw DeadlinePassed() }
        return try result.get()
    }
}
