import Base
import Sandbox

/// What a person decided of the changes a server made to its copies, to be done when no process of the
/// server runs: between the end of one and the start of the next.
final class ChangeOrder: Sendable {
    /// What was shown, to be taken over; nil drops all of it.
    let shown: [Digest]?
    private let waiting: Lock<CheckedContinuation<Void, any Error>?>

    init(_ shown: [Digest]?, _ waiting: CheckedContinuation<Void, any Error>) {
        self.shown = shown
        self.waiting = Lock(waiting)
    }

    /// Whether somebody still waits for it; otherwise it is not done.
    var isOpen: Bool { waiting.withLock { $0 != nil } }

    /// Only the first end counts.
    func finish(_ result: Result<Void, any Error>) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(with: result)
    }
}

/// The one order a server may have.
final class ChangeOrders: Sendable {
    private let next = Lock<ChangeOrder?>(nil)

    /// An order given later takes the place of one that was not done.
    func give(_ order: ChangeOrder) {
        let old = next.withLock { next in
            defer { next = order }
            return next
        }
        old?.finish(.failure(ChangeFailure.stale))
    }

    func take() -> ChangeOrder? {
        next.withLock { next in
            defer { next = nil }
            return next?.isOpen == true ? next : nil
        }
    }
}
