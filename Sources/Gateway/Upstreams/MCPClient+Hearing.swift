import Base
import JSON
import MCP
import System

/// What a server says unasked, and what the gateway asks it to say.
extension MCPClient {
    /// Where it goes that the server may offer something else, and that a resource is another.
    package func onNotice(
        changed: @escaping @Sendable () -> Void,
        updated: @escaping @Sendable (String) -> Void,
        told: @escaping @Sendable (String) -> Void
    ) async {
        drifted = changed
        self.updated = updated
        self.told = told
        await transport.onNotice { [weak self] notice in
            // Transports live on this loop.
            self?.assumeIsolated { $0.take(notice) }
        }
    }

    private func take(_ notice: UpstreamNotice) {
        switch notice {
        case .listChanged: drifted?()
        case .updated(let uri): updated?(uri)
        case .acknowledged(let id):
            // It names all that is watched, also what an earlier one was sent for.
            guard id == listeningID else { return }
            release()
            // What it said before was not heard.
            if listeningRefusal.take() != nil { drifted?() }
        case .listeningRefused(let id, let code):
            guard id == listeningID, let opened else { return }
            release()  // Whoever waits for it need not.
            noteRefusal(code)
            // Over HTTP the transport sends it again.
            guard !transport.isHTTP else { return }
            listeningID = nil
            if code != Self.unknownMethod { hearLater(opened, looks: false) }
        case .listeningEnded(let id):
            guard id == listeningID, let opened else { return }
            listeningID = nil
            hearLater(opened, looks: true)
        }
    }

    /// Lets go who wait until a listening request is taken up.
    private func release() {
        for pending in acknowledged { pending.fulfil(()) }
        acknowledged = []
    }

    /// JSON-RPC's "method not found": a server that says so of a request says it again.
    static let unknownMethod: Int64 = -32_601

    private func noteRefusal(_ code: Int64) {
        guard listeningRefusal != code else { return }
        listeningRefusal = code
        if let unheard { told?(unheard) }
    }

    /// What an operator should know: changes that the server would tell of are not heard.
    var unheard: String? {
        listeningRefusal.map { code in
            "it answers `subscriptions/listen` with an error (\(code)): changes of its lists are not heard"
                + (code == Self.unknownMethod
                    ? "; `tools list --refresh` looks" : ", until it takes one of those to come")
        }
    }

    /// Ends after a wait; a server that ends or refuses each at once is asked less and less often.
    private func hearLater(_ one: Opened, looks: Bool) {
        listeningWait = min(listeningWait * 2, Limits.absenceWaitMaximum)
        let wait = listeningWait
        loop.spawn { await self.hear(one, after: wait, looks: looks) }
    }

    /// Listens again where nobody else does, and looks at what was not heard meanwhile.
    ///
    /// Of a server that refuses nothing is looked at before it does not: it would never sleep.
    private func hear(_ one: Opened, after wait: Duration, looks: Bool) async {
        guard (try? await loop.sleep(for: wait)) != nil,
            one.generation == (await transport.currentGeneration), one == opened
        else { return }
        if listeningID == nil { await hear(one) }
        if looks { drifted?() }
    }

    /// Has the server say when that resource changes, or not any more.
    ///
    /// Returns when the server took it up, or will not.
    func watch(_ uri: String, _ isOn: Bool) async {
        guard isOn ? watchedURIs.insert(uri).inserted : watchedURIs.remove(uri) != nil else {
            return
        }
        guard let one = try? await openedOne() else { return }
        if one.revision.isModern {
            await hear(one)
        } else {
            await subscribe(uri, isOn, one)
            if isOn, watchedURIs.count == 1 { await hear(one) }
        }
    }

    /// What could not be agreed with that one any more is agreed with the next, when it is opened.
    private func subscribe(_ uri: String, _ isOn: Bool, _ one: Opened) async {
        let method = isOn ? "resources/subscribe" : "resources/unsubscribe"
        _ = try? await request(
            method,
            revision: one.revision,
            of: one.generation,
            timeout: .seconds(10)
        ) { writer in
            writer.key("uri")
            writer.string(uri)
        }
    }

    /// After each opening: what was asked of the one before is asked anew.
    func hearAgain(_ one: Opened) async {
        await hear(one)
        guard !one.revision.isModern else { return }
        // Somebody may have changed his mind while an earlier one was sent.
        for uri in watchedURIs.sorted() where watchedURIs.contains(uri) {
            await subscribe(uri, true, one)
        }
        if let logLevel { await setLevel(logLevel, one) }
    }

    private func hear(_ one: Opened) async {
        // What the next one can do, and hears, is its own.
        guard one == opened else { return }
        let revision = one.revision
        let lists = ["tools", "prompts", "resources"].filter {
            capabilities?.member($0)?["listChanged"]?.bool == true
        }
        // Servers of the older revisions may ask there, too.
        let mayAsk = !revision.isModern && !asks.declared.isEmpty
        guard !lists.isEmpty || !watchedURIs.isEmpty || mayAsk else {
            // A session's stream stays: it costs nothing, and the next subscription needs it.
            guard revision.isModern, listeningID != nil else { return }
            listeningID = nil
            await transport.listen(nil, to: one)
            return
        }
        guard revision.isModern else {
            // One stream of a session carries everything; a second one would be refused.
            guard transport.isHTTP, listeningID == nil else { return }
            listeningID = 0
            await transport.listen(nil, to: one)
            return
        }
        let id = takeID()
        let uris = watchedURIs.sorted()
        let body = Envelope.request(.integer(id), "subscriptions/listen") { writer in
            writer.key("notifications")
            writer.beginObject()
            for list in lists {
                writer.key(list + "ListChanged")
                writer.bool(true)
            }
            if !uris.isEmpty {
                writer.key("resourceSubscriptions")
                writer.beginArray()
                for uri in uris { writer.string(uri) }
                writer.endArray()
            }
            writer.endObject()
            self.writeMeta(&writer, for: revision)
        }
        let pending = Pending<Void>(on: loop)
        // Only who subscribed waits: what changes before is not told to anybody.
        if !uris.isEmpty { acknowledged.append(pending) }
        defer { acknowledged.removeAll { $0 === pending } }
        listeningID = id
        await transport.listen(
            UpstreamRequest(
                id: id,
                method: "subscriptions/listen",
                body: body,
                name: nil,
                parameters: [],
                deadline: loop.now.advanced(by: Limits.hearingTime),
                revision: revision,
                generation: one.generation
            ),
            to: one
        )
        guard !uris.isEmpty else { return }
        try? await pending.value(until: loop.now.advanced(by: .seconds(5)))
    }

    // MARK: Log messages

    /// Has the server write messages of that level; of several agents the least level counts.
    func wantLogs(from level: LogLevel) async {
        guard logLevel.map({ level < $0 }) ?? true else { return }
        logLevel = level
        guard let one = try? await openedOne(), !one.revision.isModern else { return }
        await setLevel(level, one)
    }

    private func setLevel(_ level: LogLevel, _ one: Opened) async {
        guard one == opened, capabilities?["logging"]?.kind == .object else { return }
        _ = try? await request(
            "logging/setLevel",
            revision: one.revision,
            of: one.generation,
            timeout: .seconds(10)
        ) { writer in
            writer.key("level")
            writer.string(level.rawValue)
        }
    }
}
