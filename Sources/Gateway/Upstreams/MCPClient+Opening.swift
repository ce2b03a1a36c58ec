import Base
import JSON
import MCP
import System

/// How a client and its server begin: which revision both speak, and the handshake where that
/// revision has one (2026-07-28, basic/versioning; 2025-11-25, basic/lifecycle).
extension MCPClient {
    /// Introduces us to a new process, before anything else is sent to it.
    func greet() async -> UpstreamFailure? {
        let current = await transport.currentGeneration
        // Both take time: reading the program's files, and the process's own start.
        async let inspected = inspection?()
        var failure: UpstreamFailure?
        do throws(UpstreamFailure) {
            await compare(try await introduce(current))
        } catch {
            failure = error
        }
        let verdict = await inspected ?? nil
        // What was found out of a process that is gone says nothing of the next.
        guard current == (await transport.currentGeneration) else { return Self.overtaken }
        refusal = verdict
        lastFailure = failure
        if failure == nil { generation = current }
        return failure
    }

    private static let overtaken = UpstreamFailure(
        .lost,
        "another process was started meanwhile",
        isOvertaken: true
    )

    /// The revision spoken with a server that can be sent to at once.
    var revisionAtHand: Revision? {
        guard let generation, transport.generationAtHand == generation else { return nil }
        return revision
    }

    /// The revision spoken with the server, after the handshake where it needs one.
    func open() async throws(UpstreamFailure) -> Revision { try await openedOne().revision }

    /// The process or session that is there, after the handshake where it needs one.
    func openedOne() async throws(UpstreamFailure) -> Opened {
        let current = try await transport.ready()
        if let opened, opened.generation == current, generation == current { return opened }
        if let lastFailure, !transport.isHTTP { throw lastFailure }
        if let opening { return try await opening.value.get() }
        let task = Task<Result<Opened, UpstreamFailure>, Never>(executorPreference: loop) {
            // Every call that needs the server waits for this one; it ends by its deadlines.
            do throws(UpstreamFailure) {
                let opened = try await self.introduce(current)
                await self.compare(opened)
                // Before anybody who waits goes on.
                await self.noteOpened(current)
                return .success(opened)
            } catch {
                return .failure(error)
            }
        }
        opening = task
        let outcome = await task.value
        opening = nil
        return try outcome.get()
    }

    private func noteOpened(_ current: UInt64) { generation = current }

    /// Whether a process or session that was begun anew says of itself what the one before said;
    /// one that does not gets no call until its list was read again.
    private func compare(_ one: Opened) async {
        guard let described else { return }
        do throws(UpstreamFailure) {
            let found = try await list(one.revision, of: one.generation)
            guard !found.promises(what: described) else { return }
        } catch {
            // Another one is there already, and is compared when it is opened.
            if error.isOvertaken { return }
        }
        guard one == opened else { return }
        isStale = true
        drifted?()
    }

    private func introduce(_ current: UInt64) async throws(UpstreamFailure) -> Opened {
        // Later ones have greater numbers.
        guard introducing.map({ $0 <= current }) ?? true else { throw Self.overtaken }
        introducing = current
        opened = nil
        let revision: Revision
        if let pinned {
            if pinned.isModern {
                try await discoverOnly(current)
            } else {
                try await initialize(pinned, current)
            }
            revision = pinned
        } else {
            switch try await era(of: current) {
            case .modern: revision = .newest
            case .legacy(let wanted): revision = try await initialize(wanted, current)
            }
        }
        let found = Opened(generation: current, revision: revision)
        opened = found
        listeningID = nil
        listeningRefusal = nil
        listeningWait = Limits.absenceWait / 2
        // Beside the opening: a server that is slow to take it up holds nobody up. It ends with the
        // deadlines of its requests.
        loop.spawn { await self.hearAgain(found) }
        return found
    }

    /// Asks what is asked while it is introduced; throws where another one is by then, which the answer
    /// says nothing of.
    private func ask(
        _ method: String,
        _ current: UInt64,
        revision: Revision,
        timeout: Duration? = nil,
        params: ((inout JSONWriter) -> Void)? = nil
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let answer = try await request(
            method,
            revision: revision,
            of: current,
            timeout: timeout,
            params: params
        )
        guard introducing == current else { throw Self.overtaken }
        return answer
    }

    // MARK: The era

    private enum Era {
        case modern
        case legacy(Revision)
    }

    /// Probes with `server/discover`: an answer or -32020 to -32022 means modern, anything else,
    /// silence included, legacy (2026-07-28, basic/transports/stdio).
    private func era(of current: UInt64) async throws(UpstreamFailure) -> Era {
        if endsWhenProbed { return .legacy(.newestLegacy) }
        let answer: UpstreamAnswer
        do throws(UpstreamFailure) {
            answer = try await ask(
                "server/discover",
                current,
                revision: .newest,
                // A silent server still has most of its time for `initialize`.
                timeout: min(startTimeout / 3, .seconds(10))
            )
        } catch {
            switch error.kind {
            case _ where error.isOvertaken: throw error
            case .timedOut, .invalidAnswer: return .legacy(.newestLegacy)
            case .lost where !transport.isHTTP:
                // The next process is not probed.
                endsWhenProbed = true
                throw error
            default: throw error
            }
        }
        switch answer {
        case .result(let result):
            let era = try chosen(from: result["supportedVersions"])
            if case .modern = era { takeWords(result) }
            return era
        case .error(-32022, _, let data): return try chosen(from: data?["supported"])
        case .error(-32021 ... -32020, let message, _):
            throw UpstreamFailure(
                .invalidAnswer,
                "refused `server/discover`: \(printable(message, limit: 200))"
            )
        case .error, .input: return .legacy(.newestLegacy)
        }
    }

    /// A server that says which versions it speaks is believed; nothing else is tried with it.
    private func chosen(from versions: JSONNode?) throws(UpstreamFailure) -> Era {
        let spoken = versions?.elements.compactMap { $0.string.flatMap { Revision(rawValue: $0) } }
        if spoken?.contains(.newest) == true { return .modern }
        guard let wanted = spoken?.filter({ offered.contains($0) }).max() else {
            throw UpstreamFailure(
                .invalidAnswer,
                "speaks no revision of the protocol that is spoken here"
            )
        }
        return .legacy(wanted)
    }

    private func discoverOnly(_ current: UInt64) async throws(UpstreamFailure) {
        let answer = try await ask("server/discover", current, revision: .newest)
        guard case .result(let result) = answer else {
            throw UpstreamFailure(.invalidAnswer, "does not speak the pinned revision")
        }
        takeWords(result)
    }

    // MARK: The handshake

    @discardableResult
    private func initialize(
        _ wanted: Revision,
        _ current: UInt64
    ) async throws(UpstreamFailure) -> Revision {
        var wanted = wanted
        var answer = try await askToInitialize(wanted, current)
        if case .error(_, _, let data) = answer, pinned == nil,
            case .legacy(let other)? = try? chosen(from: data?["supported"]), other != wanted
        {
            // It should have answered with a revision of its own, and named them instead.
            wanted = other
            answer = try await askToInitialize(wanted, current)
        }
        switch answer {
        case .input: throw UpstreamFailure(.invalidAnswer, "asks before it opened")
        case .error(_, let message, _):
            throw UpstreamFailure(
                .invalidAnswer,
                "refused `initialize`: \(printable(message, limit: 200))"
            )
        case .result(let result):
            let granted = try granted(by: result, wanted)
            takeWords(result)
            await transport.notify(
                Envelope.notification("notifications/initialized"),
                to: Opened(generation: current, revision: granted)
            )
            return granted
        }
    }

    private func askToInitialize(
        _ wanted: Revision,
        _ current: UInt64
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        try await ask("initialize", current, revision: wanted, timeout: startTimeout) { writer in
            writer.key("protocolVersion")
            writer.string(wanted.rawValue)
            writer.key("capabilities")
            writer.beginObject()
            self.asks.declared.write(&writer, for: wanted)
            writer.endObject()
            writer.key("clientInfo")
            writer.raw(self.identity.text)
        }
    }

    private func granted(
        by result: JSONNode,
        _ wanted: Revision
    ) throws(UpstreamFailure) -> Revision {
        guard let spelling = result["protocolVersion"]?.string,
            let granted = Revision(rawValue: spelling), !granted.isModern,
            offered.contains(granted)
        else {
            throw UpstreamFailure(
                .invalidAnswer,
                "answered `initialize` with a revision that is not spoken here"
            )
        }
        guard pinned == nil || granted == wanted else {
            throw UpstreamFailure(
                .invalidAnswer,
                "answered with \(granted.rawValue), but \(wanted.rawValue) is pinned"
            )
        }
        return granted
    }

    /// What it says of itself beside its lists.
    private func takeWords(_ result: JSONNode) {
        capabilities = result["capabilities"]
        instructions = result["instructions"]?.string.flatMap { text in
            text.utf8.count <= Limits.definitionByteCount ? text : nil
        }
    }
}
