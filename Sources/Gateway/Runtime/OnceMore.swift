/// Requests for what nobody needs twice at a time: while it is under way, all who ask get one more
/// after it, together.
///
/// One more and not none: what they ask about may have changed since it began.
struct OnceMore {
    private enum Phase { case idle, underWay, askedAgain }

    enum Answer: Equatable {
        /// Begin, and say `endedOne` after it.
        case begin
        /// It follows what is under way; `isFirst` for the one who caused that.
        case follows(isFirst: Bool)
    }

    private var phase = Phase.idle

    mutating func ask() -> Answer {
        switch phase {
        case .idle:
            phase = .underWay
            return .begin
        case .underWay:
            phase = .askedAgain
            return .follows(isFirst: true)
        case .askedAgain: return .follows(isFirst: false)
        }
    }

    /// Whether one more follows, which is under way with that.
    mutating func endedOne() -> Bool {
        let isAskedAgain = phase == .askedAgain
        phase = isAskedAgain ? .underWay : .idle
        return isAskedAgain
    }
}
