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
            guard id == listeningID, let revision else { return }
            release()  // Whoever waits for it need not.
            noteRefusal(code)
            // Over HTTP the transport sends it again.
            guard !transport.isHTTP else { return }
            listeningID = nil
            if code != Self.unknownMethod { hearLater(revision, looks: false) }
        case .listeningEnded(let id):
            guard id == listeningID, let revision else { return }
            listeningID = nil
            hearLater(revision, looks: true)
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
    private func hearLater(_ revision: Revision, looks: Bool) {
        listeningWait = min(listeningWait * 2, Limits.absenceWaitMaximum)
        let wait = listeningWait
        loop.spawn { await self.hear(revision, after: wait, looks: looks) }
    }

    /// Listens again where nobody else does, and looks at what was not heard meanwhile.
    ///
    /// Of a server that refuses nothing is looked at before it does not: it would never sleep.
    private func hear(_ revision: Revision, after wait: Duration, looks: Bool) async {
        let opened = await transport.currentGeneration
        guard (try? await loop.sleep(for: wait)) != nil,
            opened == (await transport.currentGeneration)
        else { return }
        if listeningID == nil { await hear(revision) }
        if looks { drifted?() }
    }

    /// Has the server say when that resource changes, or not any more.
    ///
    /// Returns when the server took it up, or will not.
    func watch(_ uri: String, _ isOn: Bool) async {
        guard isOn ? watchedURIs.insert(uri).inserted : watchedURIs.remove(uri) != nil else {
            return
        }
        guard let revision = try? await open() else { return }
        if revision.isModern {
            await hear(revision)
        } else {
            await subscribe(uri, isOn, revision)
            if isOn, watchedURIs.count == 1 { await hear(revision) }
        }
    }

    private func subscribe(_ uri: String, _ isOn: Bool, _ revision: Revision) async {
        let method = isOn ? "resources/subscribe" : "resources/unsubscribe"
        _ = try? await request(method, revision: revision, timeout: .seconds(10)) { writer in
            writer.key("uri")
            writer.string(uri)
        }
    }

    /// After each opening: what was asked of the one before is asked anew.
    func hearAgain(_ revision: Revision) async {
        await hear(revision)
        if !revision.isModern {
            for uri in watchedURIs.sorted() { await subscribe(uri, true, revision) }
            if let logLevel { await setLevel(logLevel, revision) }
        }
    }

    private func hear(_ revision: Revision) async {
        let lists = ["tools", "prompts", "resources"].filter {
            capabilities?.member($0)?["listChanged"]?.bool == true
        }
        // Servers of the older revisions may ask there, too.
        let mayAsk = !revision.isModern && !asks.declared.isEmpty
        guard !lists.isEmpty || !watchedURIs.isEmpty || mayAsk else {
            // A session's stream stays: it costs nothing, and the next subscription needs it.
            guard revision.isModern, listeningID != nil else { return }
            await transport.listen(nil, revision: revision)
            listeningID = nil
            return
        }
        guard revision.isModern else {
            // One stream of a session carries everything; a second one would be refused.
            guard transport.isHTTP, listeningID == nil else { return }
            listeningID = 0
            await transport.listen(nil, revision: revision)
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
                revision: revision
            ),
            revision: revision
        )
        guard !uris.isEmpty else { return }
        try? await pending.value(until: loop.now.advanced(by: .seconds(5)))
    }

    // MARK: Log messages

    /// Has the server write messages of that level; of several agents the least level counts.
    func wantLogs(from level: LogLevel) async {
        guard logLevel.map({ level < $0 }) ?? true else { return }
        logLevel = level
        guard let revision = try? await open(), !revision.isModern else { return }
        await setLevel(level, revision)
    }

    private func setLevel(_ level: LogLevel, _ revision: Revision) async {
        guard capabilities?["logging"]?.kind == .object else { return }
        _ = try? await request(
            "logging/setLevel",
            revision: revision,
            timeout: .seconds(10)
        ) { writer in
            writer.key("level")
            writer.string(level.rawValue)
        }
    }
}
