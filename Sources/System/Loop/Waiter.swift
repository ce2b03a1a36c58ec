/// The place of one suspended task.
///
/// Safe although the continuation is unchecked: `resume` empties the place before it resumes, and
/// `hold` refuses a second task, so that each continuation is resumed at most once; whoever ends a
/// stream or a pending value resumes what it holds.
@safe
struct Waiter {
    private var continuation: UnsafeContinuation<Void, Never>?

    init() { unsafe continuation = nil }

    @inline(__always)
    var isWaiting: Bool { unsafe continuation != nil }

    /// Keeps the suspended task, or lets it go on where what it waits for is there.
    ///
    /// INVARIANT no-lost-wake: whoever looked before it suspended looks again here. A task that does
    /// not prefer the loop gives way once between its look and this: each call of an asynchronous
    /// function is a switch for it, also within one actor.
    @inline(__always)
    mutating func hold(_ continuation: UnsafeContinuation<Void, Never>, unless isOver: Bool) {
        guard !isOver else { return unsafe continuation.resume() }
        precondition(!isWaiting, "one task waits at a time")
        unsafe self.continuation = unsafe continuation
    }

    @inline(__always)
    mutating func resume() {
        guard let waiting = unsafe continuation else { return }
        unsafe continuation = nil
        unsafe waiting.resume()
    }
}
