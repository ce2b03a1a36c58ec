/// Whether a loop waits awake for an answer: one that is asked for after a rest, from where the last
/// one came quickly.
///
/// A processor that sleeps between a request and its answer needs as long to wake up as a quick
/// server to answer, and finds its caches emptier. Awake costs `window` a `rest` at most, and
/// nothing under load, when a loop seldom rests.
struct Nearness {
    /// An answer that took no longer was quick, and after one rest nobody is awake for longer;
    /// nanoseconds.
    static let window: UInt64 = 150_000
    /// So long a loop has slept before it may wait awake; nanoseconds.
    static let rest: UInt64 = 500_000

    /// What is left of the time to be awake that the last rest brought.
    private var left: UInt64 = 0
    private var wasQuick = false

    /// How long to wait awake while so many answers are due; nanoseconds.
    func awake(answersDue: Int) -> UInt64 { wasQuick && answersDue == 1 ? left : 0 }

    /// Learns from a wait of so many nanoseconds, in which so many answers were due.
    mutating func note(waited: UInt64, answersDue: Int) {
        if answersDue == 0 {
            left = waited >= Self.rest ? Self.window : 0
        } else if answersDue == 1 {
            wasQuick = waited < Self.window
            left -= min(left, waited)
        }
    }
}
