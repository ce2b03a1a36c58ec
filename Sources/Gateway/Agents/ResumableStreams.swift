import Base
import System

/// A stream of which the last events are kept.
protocol KeptStream: AnyObject {
    /// When nothing more was to be sent on it.
    var ended: Instant? { get }
    var keptByteCount: Int { get }
}

/// The streams that agents may come back to, each its session's alone.
///
/// Streams and bytes are bounded for each credential and for all: what one uses up is missing for
/// its own streams first. Room is made by forgetting streams that ended, the oldest first.
struct ResumableStreams<Channel: KeptStream> {
    private struct Kept {
        let session: SessionID
        let owner: PrincipalKey
        let channel: Channel
    }

    /// What one credential has of it; numbers rise, so the least is the oldest.
    private struct Share {
        var numbers: Set<UInt64> = []
        var byteCount = 0
    }

    private var all: [UInt64: Kept] = [:]
    private var shares: [PrincipalKey: Share] = [:]
    private var byteCount = 0
    private var next: UInt64 = 1

    /// A number for a stream that begins now; nil where too many are kept.
    mutating func open(
        _ channel: Channel,
        of session: SessionID,
        owner: PrincipalKey
    ) -> UInt64? {
        if shares[owner, default: Share()].numbers.count >= Limits.keptStreamsPerPrincipal
            || all.count >= Limits.keptStreamCount
        {
            guard forgetOldest(of: owner, besides: nil) else { return nil }
        }
        defer { next &+= 1 }
        all[next] = Kept(session: session, owner: owner, channel: channel)
        shares[owner, default: Share()].numbers.insert(next)
        return next
    }

    /// The stream of that number, if it is this session's.
    func find(_ number: UInt64, of session: SessionID) -> Channel? {
        guard let kept = all[number], kept.session == session else { return nil }
        return kept.channel
    }

    mutating func forget(_ number: UInt64) {
        guard let kept = all[number] else { return }
        count(-kept.channel.keptByteCount, of: kept.owner)
        all[number] = nil
        shares[kept.owner]?.numbers.remove(number)
        if shares[kept.owner]?.numbers.isEmpty ?? false { shares[kept.owner] = nil }
    }

    /// Counts bytes of events of that stream; false where there is no room for them.
    mutating func take(_ added: Int, for number: UInt64) -> Bool {
        guard let owner = all[number]?.owner else { return false }
        while added > 0, !hasRoom(for: added, of: owner) {
            guard forgetOldest(of: owner, besides: number) else { return false }
        }
        count(added, of: owner)
        return true
    }

    mutating func giveBack(_ taken: Int, of number: UInt64) {
        if let owner = all[number]?.owner { count(-taken, of: owner) }
    }

    /// Forgets what ended long enough ago, and what belongs to sessions that ended.
    mutating func sweep(at now: Instant, _ isOpen: (SessionID) -> Bool) {
        for (number, kept) in all {
            let age = kept.channel.ended.map { now.duration(since: $0) } ?? .zero
            if age >= Limits.keptStreamTime || !isOpen(kept.session) { forget(number) }
        }
    }

    private func hasRoom(for added: Int, of owner: PrincipalKey) -> Bool {
        byteCount + added <= Limits.keptEventsByteCount
            && (shares[owner]?.byteCount ?? 0) + added <= Limits.keptEventsByteCountPerPrincipal
    }

    private mutating func count(_ added: Int, of owner: PrincipalKey) {
        byteCount += added
        shares[owner]?.byteCount += added
    }

    /// Makes room in a credential's own share; false where nothing of it has ended.
    private mutating func forgetOldest(of owner: PrincipalKey, besides number: UInt64?) -> Bool {
        let ended = shares[owner]?.numbers.filter { $0 != number && all[$0]?.channel.ended != nil }
        guard let oldest = ended?.min() else { return false }
        forget(oldest)
        return true
    }
}
