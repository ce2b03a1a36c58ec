package import Base

/// What one server may use of the way out; a value, given the time.
package struct EgressBudget: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Open at once.
        package var connectionCount = 64
        /// New ones in a minute, refused ones included.
        package var perMinute = 300
        /// Different hosts in a minute: a name that is asked for is a message to who serves it.
        package var hostsPerMinute = 60
        /// Bytes sent in an hour.
        package var sentPerHour = 1 << 30

        package init() {}
    }

    package enum Excess: Hashable, Sendable {
        case connections(Int)
        case rate(Int)
        case hosts(Int)
        case bytes(Int)
        case lookUps(Int)

        var text: String {
            switch self {
            case .connections(let limit):
                "\(limit) connections of this server are open; close one first"
            case .rate(let limit): "this server may make \(limit) connections in a minute"
            case .hosts(let limit): "this server may ask for \(limit) hosts in a minute"
            case .bytes(let limit): "this server may send \(limit) bytes in an hour"
            case .lookUps(let limit): "this server may look \(limit) names up in a minute"
            }
        }
    }

    package var limits: Limits
    package private(set) var openCount = 0
    private var minute = Instant(nanoseconds: 0)
    private var newCount = 0
    private var lookUpCount = 0
    private var hosts: Set<WebHost> = []
    private var hour = Instant(nanoseconds: 0)
    private var sentCount = 0

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Counts one more connection, which `end` takes off again; nil when it may be made.
    ///
    /// INVARIANT: windows begin with their first event and are never longer than they say, so at
    /// most twice the limit falls into any minute and any hour.
    package mutating func begin(_ host: WebHost?, at now: Instant) -> Excess? {
        roll(to: now)
        newCount += 1
        if newCount > limits.perMinute { return .rate(limits.perMinute) }
        if openCount >= limits.connectionCount { return .connections(limits.connectionCount) }
        if sentCount >= limits.sentPerHour { return .bytes(limits.sentPerHour) }
        if let host, let excess = count(host) { return excess }
        openCount += 1
        return nil
    }

    /// What becomes of a question for a name.
    package enum LookUp: Hashable, Sendable {
        /// `isNew`: it was not asked for in this minute yet.
        case fine(isNew: Bool)
        case tooMany(Excess)
    }

    /// Counts one more question for a name, which counts as one of a minute's hosts, too.
    package mutating func lookUp(_ host: WebHost, at now: Instant) -> LookUp {
        roll(to: now)
        lookUpCount += 1
        if lookUpCount > Base.Limits.egressNameQueriesPerMinute {
            return .tooMany(.lookUps(Base.Limits.egressNameQueriesPerMinute))
        }
        guard !hosts.contains(host) else { return .fine(isNew: false) }
        return count(host).map { .tooMany($0) } ?? .fine(isNew: true)
    }

    private mutating func count(_ host: WebHost) -> Excess? {
        guard !hosts.contains(host) else { return nil }
        guard hosts.count < limits.hostsPerMinute else { return .hosts(limits.hostsPerMinute) }
        hosts.insert(host)
        return nil
    }

    package mutating func end() { openCount = max(0, openCount - 1) }

    /// Counts bytes that were sent; false when no more may be.
    package mutating func sent(_ byteCount: Int, at now: Instant) -> Bool {
        roll(to: now)
        sentCount += byteCount
        return sentCount <= limits.sentPerHour
    }

    private mutating func roll(to now: Instant) {
        if now.duration(since: minute) >= .seconds(60) {
            minute = now
            newCount = 0
            lookUpCount = 0
            hosts = []
        }
        if now.duration(since: hour) >= .seconds(3600) {
            hour = now
            sentCount = 0
        }
    }
}
