import Approval
import Base
import HTTP
import JSON
import Storage
import System

/// What every open page hears: questions as they come and go, and how the gateway is.
///
/// An event is made once, whoever listens, and sent a few pages at a time, so that calls never wait
/// for a crowd of pages. A page that is too slow for its events is told everything anew.
actor ConsoleFeed {
    private let loop: EventLoop
    private weak var gateway: Gateway?
    private var pages: [UInt64: ConsolePage] = [:]
    private var next: UInt64 = 1
    private var changed: Set<TicketID> = []
    private var haveGrantsChanged = false
    private var haveEmergenciesChanged = false
    private var isTicking = false
    private var watch: UInt64?
    private var status: [UInt8] = []
    private var isSampling = false
    private var calls = CallFeed()
    private var isFollowing = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(_ gateway: Gateway, loop: EventLoop) {
        self.gateway = gateway
        self.loop = loop
    }

    /// So few pages are sent to at once, and so long apart, that a call between them waits for
    /// hardly anything.
    private static let sliceCount = 2
    private static let sliceDelay: Duration = .milliseconds(2)
    /// Changes of so long come in one event.
    private static let tick: Duration = .milliseconds(40)
    private static let statusInterval: Duration = .seconds(5)
    /// After so long a stream is asked whether its session still stands, and a quiet one gets a
    /// comment.
    private static let heartbeat: Duration = .seconds(5)

    // MARK: Streams

    func serve(
        _ exchange: Exchange,
        _ session: SessionTable.ID,
        _ console: Console,
        _ fields: FieldBlock,
        tenants: Set<TenantID>?,
        wantsCalls: Bool
    ) async {
        guard let stream = await exchange.beginStream(.ok, fields) else { return }
        let key = next
        next &+= 1
        let page = ConsolePage(session, tenants: tenants, wantsCalls: wantsCalls)
        pages[key] = page
        defer { pages[key] = nil }
        await begin()
        var looked = loop.now
        while !page.isEnded {
            if loop.now.duration(since: looked) >= Self.heartbeat {
                looked = loop.now
                guard await console.stands(session) else { break }
            }
            if page.beginAnew() { page.show(await snapshot(for: page)) }
            for event in page.take() {
                guard await stream.send(event) else { return }
            }
            guard !page.hasNews, !page.isEnded else { continue }
            let pending = Pending<Void>(on: loop)
            page.wake = pending
            if (try? await pending.value(until: loop.now.advanced(by: Self.heartbeat))) == nil {
                guard await stream.comment() else { return }
            }
            page.wake = nil
        }
        await stream.finish(Self.event("end", JSONValue.done))
    }

    /// Ends the streams of a session that was closed.
    func end(_ session: SessionTable.ID) {
        for page in pages.values where page.session == session {
            page.isEnded = true
            page.wake?.fulfil(())
        }
    }

    func endAll() {
        for page in pages.values {
            page.isEnded = true
            page.wake?.fulfil(())
        }
    }

    private static func event(_ type: StaticString, _ data: [UInt8]) -> ServerSentEvent {
        ServerSentEvent(data: data, type: type.withUTF8Buffer { unsafe Array($0) })
    }

    /// Everything as it is now, for a page that begins or fell behind.
    private func snapshot(for page: ConsolePage) async -> [ServerSentEvent] {
        guard let gateway else { return [] }
        let questions = await gateway.desk.waiting().filter { page.sees($0.binding.tenant) }
            .map { gateway.summary(of: $0) }
        var events = [
            Self.event("approvals", JSONValue.array(questions).serialised()),
            Self.event("status", await gateway.statusText(for: page.tenants)),
        ]
        if page.wantsCalls {
            let size = gateway.store.size
            let last = max(gateway.store.begin, size - min(size, UInt64(CallFeed.rowCount)))..<size
            if let event = await callEvent(last, skipped: 0, of: page.tenants) {
                events.append(event)
            }
        }
        return events
    }

    /// A stretch of the log as the page of live calls hears it.
    private func callEvent(
        _ range: Range<UInt64>,
        skipped: UInt64,
        of tenants: Set<TenantID>?
    ) async -> ServerSentEvent? {
        guard !range.isEmpty, let gateway,
            let leaves = try? await gateway.store.leaves(
                from: range.lowerBound,
                limit: range.count
            )
        else { return nil }
        // Reading a hundred records takes longer than the loop may be held.
        let data = try? await gateway.parts.pool.run {
            CallFeed.event(leaves, skipped: skipped, of: tenants)
        }
        return data.map { Self.event("calls", $0) }
    }

    // MARK: Changes

    private func begin() async {
        if watch == nil, let gateway {
            watch = 0
            watch = await gateway.desk.watch { [weak self] notice in
                guard let self else { return }
                self.assumeIsolated { $0.note(notice) }
            }
        }
        if !isSampling {
            isSampling = true
            sampleLater()
        }
        if !isFollowing, pages.values.contains(where: \.wantsCalls) {
            isFollowing = true
            calls.forget()
            // From here on; what came before is in the page's snapshot, and may be in both.
            _ = calls.take(upTo: gateway?.store.size ?? 0)
            followLater()
        }
    }

    // MARK: Calls

    private func followLater() {
        loop.schedule(after: CallFeed.interval) { [weak self] in
            guard let self else { return }
            // One look at what came into the log; the next is scheduled when it is done.
            self.loop.spawn { await self.follow() }
        }
    }

    private func follow() async {
        guard pages.values.contains(where: \.wantsCalls), let gateway else {
            isFollowing = false
            return
        }
        let (range, skipped) = calls.take(upTo: gateway.store.size)
        for tenants in Set(pages.values.filter(\.wantsCalls).map(\.tenants)) {
            if let event = await callEvent(range, skipped: skipped, of: tenants) {
                tell([event]) { $0.wantsCalls && $0.tenants == tenants }
            }
        }
        followLater()
    }

    private func note(_ notice: ApprovalNotice) {
        switch notice {
        case .waiting(let ticket, _), .closed(let ticket): changed.insert(ticket)
        case .grantsChanged: haveGrantsChanged = true
        case .emergency: haveEmergenciesChanged = true
        }
        guard !isTicking else { return }
        isTicking = true
        loop.schedule(after: Self.tick) { [weak self] in
            guard let self else { return }
            // One round of changes; nobody waits for it.
            self.loop.spawn { await self.tellChanges() }
        }
    }

    private func tellChanges() async {
        isTicking = false
        let tickets = changed
        changed = []
        guard !pages.isEmpty, let gateway else { return }
        var events: [ServerSentEvent] = []
        for ticket in tickets.sorted() {
            if let question = await gateway.desk.question(ticket), question.state == .waiting {
                let event = Self.event("question", gateway.summary(of: question).serialised())
                tell([event]) { $0.sees(question.binding.tenant) }
            } else {
                let gone: JSONValue = ["ticket": JSONValue(ticket.rawValue)]
                let tenant = await gateway.desk.question(ticket)?.binding.tenant
                tell([Self.event("closed", gone.serialised())]) { page in
                    tenant.map(page.sees) ?? true
                }
            }
        }
        if haveGrantsChanged { events.append(Self.event("grants", JSONValue.done)) }
        haveGrantsChanged = false
        // Taken before the wait below: the next change is told in its own round.
        let haveEmergencies = haveEmergenciesChanged
        haveEmergenciesChanged = false
        if haveEmergencies {
            // The state says who answers alone: everybody sees it at once.
            events.append(Self.event("emergencies", JSONValue.done))
        }
        tell(events)
        if haveEmergencies { await tellStatus(of: gateway) }
    }

    private func sampleLater() {
        loop.schedule(after: Self.statusInterval) { [weak self] in
            guard let self else { return }
            // One look at the gateway's state; the next is scheduled when it is done.
            self.loop.spawn { await self.sample() }
        }
    }

    private func sample() async {
        guard !pages.isEmpty, let gateway else {
            isSampling = false
            return
        }
        await tellStatus(of: gateway)
        sampleLater()
    }

    private func tellStatus(of gateway: Gateway) async {
        for tenants in Set(pages.values.map(\.tenants)) {
            let event = Self.event("status", await gateway.statusText(for: tenants))
            tell([event]) { $0.tenants == tenants }
        }
    }

    /// Gives events to every page, and wakes them in slices.
    private func tell(
        _ events: [ServerSentEvent],
        to isMeant: (ConsolePage) -> Bool = { _ in true }
    ) {
        guard !events.isEmpty else { return }
        var delay = Duration.zero
        var slice: [UInt64] = []
        for (key, page) in pages where isMeant(page) {
            for event in events { page.push(event) }
            slice.append(key)
            guard slice.count == Self.sliceCount else { continue }
            wake(slice, after: delay)
            slice = []
            delay += Self.sliceDelay
        }
        wake(slice, after: delay)
    }

    private func wake(_ keys: [UInt64], after delay: Duration) {
        loop.schedule(after: delay) { [weak self] in
            self?.assumeIsolated { feed in
                for key in keys { feed.pages[key]?.wake?.fulfil(()) }
            }
        }
    }
}
