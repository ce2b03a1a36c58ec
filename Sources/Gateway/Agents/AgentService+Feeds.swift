import Base
import JSON
import MCP
import System

/// Changes of lists and resources, told to agents that listen.
extension AgentService {
    // MARK: Opening

    /// The stream of a handshake session, open until its agent leaves, ends the session, or opens
    /// another: each message goes on one stream only (2025-11-25, basic/transports).
    func stream(
        of session: SessionID,
        _ principal: Principal,
        _ endpoint: Endpoint,
        _ revision: Revision,
        isResumed: Bool = false,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async {
        endStream(of: session)
        await run(until: cancellation) { stop in
            Feed(
                principal: principal,
                endpoint: endpoint,
                revision: revision,
                session: session,
                subscription: nil,
                lists: Self.everyList,
                resources: [:],
                outbox: Outbox(channel, loop: loop),
                end: { stop(.inOrder) },
                seen: isResumed ? feeds.parted(from: session) : [:],
                quietSince: loop.now
            )
        }
    }

    /// Keeps a stream open until it is ended or called off; nil where there are too many.
    @discardableResult
    private func run(
        until cancellation: CallCancellation,
        _ make: (@escaping @Sendable (ListenEnd) -> Void) -> Feed
    ) async -> ListenEnd? {
        let number = nextWait
        nextWait &+= 1
        let pending = Pending<ListenEnd>(on: loop)
        waits[number] = pending
        defer { waits[number] = nil }
        let stop: @Sendable (ListenEnd) -> Void = { [weak self] end in
            // Feeds are ended on the loop, by this actor or a connection.
            self?.assumeIsolated { $0.waits[number]?.fulfil(end) }
        }
        let feed = make(stop)
        guard let opened = await open(feed) else { return nil }
        defer { feeds.close(opened) }
        // An agent whose stream was ended may come back before nobody is let in any more.
        if isStopping { stop(.inOrder) }
        if !feed.seen.isEmpty { await tellMissed(opened) }
        if feed.subscription != nil { feed.outbox.post(Self.acknowledgement(of: feed)) }
        for key in feed.resources.keys { await watch(key) }
        // Called off: by `notifications/cancelled`, or because its connection closed.
        let key = cancellation.onCancel { stop(.calledOff) }
        defer { cancellation.remove(key) }
        let end = try? await pending.value()
        for key in feed.resources.keys { await unwatch(key) }
        await feed.outbox.close()
        return end ?? .calledOff
    }

    private func open(_ feed: Feed) async -> UInt64? {
        var feed = feed
        for kind in feed.lists where feed.seen[kind] == nil {
            feed.seen[kind] = await door.imprint(of: kind, for: feed.principal, at: feed.endpoint)
        }
        // Another may have come while this one waited.
        if let session = feed.session { endStream(of: session) }
        return feeds.open(feed)
    }

    private func endStream(of session: SessionID) {
        if let before = feeds.stream(of: session) { feeds.close(before)?.end() }
    }

    /// `subscriptions/listen`: acknowledged with what is honoured, open until it is called off or
    /// the gateway stops (2026-07-28, basic/patterns/subscriptions).
    func listen(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> AgentReply {
        guard let filter = request.params?["notifications"], filter.kind == .object else {
            let problem = ProtocolError(.invalidParams, "`params.notifications` must be an object")
            return reply(request.id, problem, inbound)
        }
        var lists: Set<OfferKind> = []
        for (key, kind) in Self.listKeys where filter.member(key)?.bool == true {
            lists.insert(kind)
        }
        var resources: [ResourceKey: String] = [:]
        for node in filter["resourceSubscriptions"].map({ Array($0.elements) }) ?? [] {
            guard let uri = node.string, resources.count < Limits.subscriptionCount,
                !resources.values.contains(uri),
                case .success(let key) = await door.subscribe(
                    uri,
                    for: inbound.principal,
                    at: inbound.endpoint
                )
            else { continue }
            resources[key] = uri
        }
        let end = await run(until: cancellation) { stop in
            Feed(
                principal: inbound.principal,
                endpoint: inbound.endpoint,
                revision: inbound.revision,
                session: nil,
                subscription: request.id,
                lists: lists,
                resources: resources,
                outbox: Outbox(channel, loop: loop),
                end: { stop(.inOrder) },
                quietSince: loop.now
            )
        }
        switch end {
        case .inOrder:
            return result(request.id, Opening.listenEnd(request.id, serverInfo: identity))
        case .calledOff: return .accepted
        case nil:
            let problem = ProtocolError(.internalError, "too many streams are open", status: 503)
            return reply(request.id, problem, inbound)
        }
    }

    /// How a listening request came to its end.
    enum ListenEnd: Sendable { case inOrder, calledOff }

    /// One storage for the streams of all sessions.
    private static let everyList: Set<OfferKind> = [.tool, .prompt, .resource]

    private static let listKeys: [(key: String, kind: OfferKind)] = [
        ("toolsListChanged", .tool), ("promptsListChanged", .prompt),
        ("resourcesListChanged", .resource),
    ]

    private static func acknowledgement(of feed: Feed) -> [UInt8] {
        Self.message("notifications/subscriptions/acknowledged", to: feed) { writer in
            writer.key("notifications")
            writer.beginObject()
            for (key, kind) in listKeys where feed.lists.contains(kind) {
                writer.key(key)
                writer.bool(true)
            }
            if !feed.resources.isEmpty {
                writer.key("resourceSubscriptions")
                writer.beginArray()
                for uri in feed.resources.values.sorted() { writer.string(uri) }
                writer.endArray()
            }
            writer.endObject()
        }
    }

    // MARK: Subscriptions of sessions

    /// `resources/subscribe` and `resources/unsubscribe`.
    func subscribe(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage,
        isOn: Bool
    ) async -> AgentReply {
        guard let session = inbound.session?.id, let uri = request.params?["uri"]?.string else {
            let problem = ProtocolError(
                .invalidParams,
                "`params.uri` must be a string",
                status: 200
            )
            return reply(request.id, problem, inbound)
        }
        guard isOn else {
            if let key = feeds.subscribed(session, as: uri) {
                feeds.unsubscribe(session, key)
                await unwatch(key)
            }
            return result(request.id, Opening.empty(for: inbound.revision))
        }
        let known = await door.subscribable(uri, for: inbound.principal, at: inbound.endpoint)
        if let known, feeds.isSubscribed(session, known) {
            return result(request.id, Opening.empty(for: inbound.revision))
        }
        switch await door.subscribe(uri, for: inbound.principal, at: inbound.endpoint) {
        case .failure(.unknown):
            return reply(request.id, CallReading.unknownResource(uri, inbound.revision), inbound)
        case .failure(.refused(let refusal, let verdict)):
            return reply(request.id, Self.error(refusal, verdict), inbound)
        case .success(let key):
            let isNew = !feeds.isSubscribed(session, key)
            guard feeds.subscribe(session, key, as: uri) else {
                let text = "a session has at most \(Limits.subscriptionCount) subscriptions"
                return reply(request.id, ProtocolError(.refused, text, status: 200), inbound)
            }
            if isNew { await watch(key) }
        }
        return result(request.id, Opening.empty(for: inbound.revision))
    }

    /// Forgets what ended sessions subscribed to, and closes their streams.
    func forgetEndedSessions() async {
        for feed in feeds.all.values where feed.session.map({ !sessions.isOpen($0) }) == true {
            feed.end()
        }
        for session in feeds.knownSessions where !sessions.isOpen(session) {
            for key in feeds.forget(session) { await unwatch(key) }
        }
        streams.sweep(at: loop.now) { sessions.isOpen($0) }
    }

    /// One more listens to that resource; the first makes the gateway subscribe at the server.
    private func watch(_ key: ResourceKey) async {
        watched[key, default: 0] += 1
        guard watched[key] == 1 else { return }
        await door.client(of: key)?.watch(key.uri, true)
    }

    private func unwatch(_ key: ResourceKey) async {
        let left = (watched[key] ?? 1) - 1
        watched[key] = left > 0 ? left : nil
        guard left <= 0 else { return }
        await door.client(of: key)?.watch(key.uri, false)
    }

    // MARK: Log messages

    /// `logging/setLevel`: kept in the session, and told to the servers behind the endpoint.
    func setLevel(
        _ request: Message.Request,
        _ inbound: AuthenticatedMessage
    ) async -> AgentReply {
        guard let session = inbound.session?.id,
            let level = request.params?["level"]?.string.flatMap({ LogLevel(rawValue: $0) })
        else {
            let words = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
            let text = "`params.level` must be one of \(words)"
            return reply(request.id, ProtocolError(.invalidParams, text, status: 200), inbound)
        }
        sessions.setLevel(level, of: session)
        for client in await door.logging(for: inbound.principal, at: inbound.endpoint) {
            // Ends with the deadline of its request; a slow server holds nobody up.
            loop.spawn { await client.wantLogs(from: level) }
        }
        return result(request.id, Opening.empty(for: inbound.revision))
    }

    /// What an agent wants to hear of what its call logs: in 2026-07-28 what the request says; in
    /// a session its level, and what is not about details where it set none.
    func logLevel(of inbound: AuthenticatedMessage) -> LogLevel? {
        guard let session = inbound.session else { return inbound.meta.logLevel }
        return session.logLevel ?? .info
    }

    // MARK: Telling

    /// The catalogue, the rules or the credentials changed: each agent hears of it whose own view
    /// did.
    package func noteCatalogueChanged() async {
        for (number, feed) in feeds.all {
            for kind in feed.lists {
                let now = await door.imprint(of: kind, for: feed.principal, at: feed.endpoint)
                guard let open = feeds.all[number], open.seen[kind] != now, isLive(open) else {
                    continue
                }
                feeds.note(now, of: kind, in: number)
                feed.outbox.post(Self.message(kind.changed, to: feed) { _ in })
            }
        }
    }

    /// What an agent may have missed while its stream was gone: lists that changed, and anything it
    /// subscribed to.
    private func tellMissed(_ number: UInt64) async {
        await noteCatalogueChanged()
        guard let feed = feeds.all[number], let session = feed.session else { return }
        for name in feeds.subscriptions(of: session) {
            feed.outbox.post(
                Self.message("notifications/resources/updated", to: feed) { writer in
                    writer.key("uri")
                    writer.string(name)
                }
            )
        }
    }

    /// A server says that a resource changed: told to those who subscribed and may read it still.
    package func noteUpdated(_ key: ResourceKey) async {
        for feed in feeds.all.values {
            guard feed.principal.tenant == key.tenant, let name = feeds.name(of: key, to: feed),
                await door.mayHear(name, feed.principal, at: feed.endpoint), isLive(feed)
            else { continue }
            feed.outbox.post(
                Self.message("notifications/resources/updated", to: feed) { writer in
                    writer.key("uri")
                    writer.string(name)
                }
            )
        }
    }

    /// A stream may live longer than the credential it began with; then it tells nothing more.
    private func isLive(_ feed: Feed) -> Bool { door.tokens.isLive(feed.principal) }

    /// Keeps quiet streams awake and their sessions alive; ends those whose credential has expired.
    func keepFeedsAlive() {
        let now = loop.now
        for feed in feeds.all.values where !isLive(feed) { feed.end() }
        for (number, feed) in feeds.all
        where now.duration(since: feed.quietSince) >= Limits.keepAliveInterval {
            feeds.noteAwake(number, at: now)
            if let session = feed.session {
                _ = sessions.find(session, feed.principal.key, feed.endpoint, at: now)
            }
            // Ends at once, or with the connection when its peer takes nothing.
            loop.spawn { await feed.outbox.keepAlive() }
        }
    }

    /// The gateway stops: streams end in order, those that are opened from now on as well.
    package func endFeeds() {
        isStopping = true
        for feed in feeds.all.values { feed.end() }
    }

    private static func message(
        _ method: String,
        to feed: Feed,
        params: @escaping (inout JSONWriter) -> Void
    ) -> [UInt8] {
        Envelope.notification(method) { writer in
            params(&writer)
            guard let id = feed.subscription else { return }
            writer.key("_meta")
            writer.beginObject()
            writer.key("io.modelcontextprotocol/subscriptionId")
            id.write(to: &writer)
            writer.endObject()
        }
    }
}

extension OfferKind {
    /// What says that the list of it changed.
    var changed: String {
        switch self {
        case .prompt: "notifications/prompts/list_changed"
        case .resource, .template, .reading: "notifications/resources/list_changed"
        case .tool, .completion, .sampling, .roots: "notifications/tools/list_changed"
        }
    }
}
