/// Whether a loop waits awake for an answer: one that is asked for after a rest, from where the last
/// one came quickly.
///
/// A processor that sleeps between a request and its answer needs as long to wake up as a quick
/// server to answer, and finds its caches emptier. Awake costs `window` a `rest` at most, and
/// nothing under load, when a loop seldom rests.
struct Nearness {
    /// An answer that took no longer was quick, and nobody waits awake for longer; nanoseconds.
    static let window: UInt64 = 150_000
    /// So long a loop has slept before it may wait awake; nanoseconds.
    static let rest: UInt64 = 500_000

    private var isRested = false
    private var wasQuick = false

    /// Whether to wait awake while so many answers are due.
    func isAwake(answersDue: Int) -> Bool { isRested && wasQuick && answersDue == 1 }

    /// Learns from a wait of so many nanoseconds, in which so many answers were due.
    mutating func note(waited: UInt64, answersDue: Int) {
        if answersDue == 0 {
            isRested = waited >= Self.rest
        } else if answersDue == 1 {
            wasQuick = waited < Self.window
        }
    }
}
