package import Base

/// Something that is due at a moment on one loop; a node of that loop's timer heap.
///
/// A node is made once and set again and again without allocating. Not `Sendable`: only the loop's
/// thread touches it.
package class Timed {
    /// When it is due, in nanoseconds of the monotonic clock; meaningful while it is scheduled.
    fileprivate(set) final var due: UInt64 = .max
    /// The place in the heap, or -1.
    fileprivate final var place = -1

    init() {}

    package final var isScheduled: Bool { place >= 0 }

    /// Called by the loop once `due` has passed; the node is off the heap by then.
    func fire() {}
}

/// The timers of a loop: a binary heap whose nodes know their place, so that a cancelled one leaves
/// at once.
///
/// A call's deadline is cancelled far more often than it fires; leaving it in the heap would keep a
/// minute of finished calls in memory.
struct TimerHeap {
    private var nodes: ContiguousArray<Timed> = []

    var count: Int { nodes.count }
    var nextDue: UInt64? { nodes.first?.due }

    /// Adds the node, or moves it when it is there already.
    mutating func set(_ node: Timed, due: UInt64) {
        if node.place >= 0 {
            let earlier = due < node.due
            node.due = due
            if earlier { siftUp(node.place) } else { siftDown(node.place) }
            return
        }
        node.due = due
        node.place = nodes.count
        nodes.append(node)
        siftUp(node.place)
    }

    /// Takes the node out; nothing happens when it is not there.
    mutating func remove(_ node: Timed) {
        let place = node.place
        guard place >= 0, place < nodes.count else { return }
        node.place = -1
        let last = nodes.removeLast()
        guard last !== node else { return }
        nodes[place] = last
        last.place = place
        siftUp(place)
        siftDown(last.place)
    }

    /// Takes out the earliest node when it is due.
    mutating func next(dueAt now: UInt64) -> Timed? {
        guard let first = nodes.first, first.due <= now else { return nil }
        remove(first)
        return first
    }

    private mutating func siftUp(_ start: Int) {
        var place = start
        let node = nodes[place]
        while place > 0 {
            let parent = (place - 1) / 2
            let above = nodes[parent]
            guard node.due < above.due else { break }
            nodes[place] = above
            above.place = place
            place = parent
        }
        nodes[place] = node
        node.place = place
    }

    private mutating func siftDown(_ start: Int) {
        var place = start
        let node = nodes[place]
        while true {
            var child = 2 * place + 1
            guard child < nodes.count else { break }
            if child + 1 < nodes.count, nodes[child + 1].due < nodes[child].due { child += 1 }
            let below = nodes[child]
            guard below.due < node.due else { break }
            nodes[place] = below
            below.place = place
            place = child
        }
        nodes[place] = node
        node.place = place
    }
}

/// A closure that runs once on the loop at a moment, unless it is cancelled before.
///
/// Keep the token and set it again for a repeated deadline: `loop.schedule(token, at:)` allocates
/// nothing. Only the loop's thread touches it.
package final class TimerToken: Timed {
    private let loop: EventLoop
    private let body: () -> Void

    package init(on loop: EventLoop, _ body: @escaping () -> Void) {
        self.loop = loop
        self.body = body
    }

    /// Runs the closure at `deadline`; an earlier setting is replaced.
    package func set(_ deadline: Instant) { loop.setTimer(self, due: deadline.nanoseconds) }

    /// After this the closure does not run any more, until it is set again.
    package func cancel() { loop.cancelTimer(self) }

    override func fire() { body() }
}
