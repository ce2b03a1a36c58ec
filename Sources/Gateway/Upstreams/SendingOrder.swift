/// What was sent to one process since its last answer, so that an error without an id is given to a
/// request only where it can be about nothing else.
///
/// A server answers lines in their order where it cannot read one, so that whatever was sent before an
/// answered request is settled by that answer. Some servers answer notifications, with an error.
struct SendingOrder {
    private var count: UInt64 = 0
    /// The last message that nobody waits for an answer to: a notification, our answer to the server's
    /// own request, or a request that was given up.
    private var latestWord: UInt64?
    private var hasSaidUnnamed = false

    /// Whether nothing but requests may still be answered.
    var isSettled: Bool { latestWord == nil }

    mutating func request() -> UInt64 {
        count &+= 1
        return count
    }

    mutating func word() {
        count &+= 1
        latestWord = count
    }

    /// A request nobody waits for any more, whose error may still come.
    mutating func gaveUp(_ request: UInt64) { latestWord = max(latestWord ?? 0, request) }

    mutating func answered(_ request: UInt64) {
        if let word = latestWord, word < request { latestWord = nil }
    }

    /// True once: one line in the log is enough of a process that says it again and again.
    mutating func saysUnnamed() -> Bool {
        defer { hasSaidUnnamed = true }
        return !hasSaidUnnamed
    }
}
