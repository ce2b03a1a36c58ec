package import Base
import JSON
package import MCP
package import System

/// The MCP client of one upstream: finds out its revision, opens, lists, calls.
///
/// The revision belongs to the process or origin; it is found once and again when that changes
/// (2026-07-28, basic/versioning).
package actor MCPClient {
    package nonisolated let server: ServerName
    let transport: any UpstreamTransport
    let loop: EventLoop
    let identity: Implementation
    let offered: [Revision]
    let pinned: Revision?
    let startTimeout: Duration
    /// What the operator lets it ask.
    let asks: ServerAsks

    private var nextID: Int64 = 1
    /// What most calls say of themselves: it changes with the server and what its agents take.
    private var usualMeta: (revision: Revision, modes: InputModes, text: [UInt8])?
    var generation: UInt64?
    /// The process or session that was introduced last; nil while one is being introduced.
    var opened: Opened?
    var revision: Revision? { opened?.revision }
    /// The one that is, or was last, being introduced.
    var introducing: UInt64?
    var instructions: String?
    /// What it said it can do when it opened.
    var capabilities: JSONNode?
    var lastFailure: UpstreamFailure?
    var opening: Task<Result<Opened, UpstreamFailure>, Never>?
    /// Its process ended when it was probed: some servers take nothing before `initialize`.
    var endsWhenProbed = false
    /// Of a hosted server: says of each new process why no call may go to it, or nil.
    var inspection: (@Sendable () async -> String?)?
    /// What it said of the running one, or was decided since.
    var refusal: String?
    /// What was listed last, and whether the server was seen to list something else since.
    var described: ServerDescription?
    var isStale = false
    var drifted: (@Sendable () -> Void)?
    var updated: (@Sendable (String) -> Void)?
    /// Where goes what an operator should know.
    var told: (@Sendable (String) -> Void)?
    /// Resources whose changes somebody wants to hear of.
    var watchedURIs: Set<String> = []
    /// The listening request that is open, and who wait until it, or a later one in its place, is
    /// taken up.
    var listeningID: Int64?
    var acknowledged: [Pending<Void>] = []
    /// The code of the error with which the last one was refused, until one is taken up.
    var listeningRefusal: Int64?
    /// Before a listening request that its server ended is sent again; doubles each time.
    var listeningWait = Limits.absenceWait / 2
    /// The least level of log messages anybody asked for.
    var logLevel: LogLevel?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        server: ServerName,
        transport: any UpstreamTransport,
        loop: EventLoop,
        identity: Implementation,
        pinned: Revision?,
        startTimeout: Duration,
        asks: ServerAsks = ServerAsks()
    ) {
        self.server = server
        self.transport = transport
        self.loop = loop
        self.identity = identity
        self.pinned = pinned
        self.startTimeout = startTimeout
        self.asks = asks
        offered = Revision.spokenToServers
    }

    /// Makes each new process of the server be greeted; called once, before the first request.
    ///
    /// `inspection` says of it why no call may go to it, or nil; it runs beside the greeting.
    package func attach(_ inspection: @escaping @Sendable () async -> String?) async {
        self.inspection = inspection
        await transport.onStart { [weak self] in await self?.greet() }
    }

    // MARK: Calls

    /// Brings the server up where it sleeps, so far that a call could be sent; says why not.
    func wake() async throws(UpstreamFailure) {
        _ = try await open()
        try check(true)
    }

    /// Sends one call; its members are the call form, as they were judged.
    ///
    /// `isStillAllowed` is asked when the server is there to take the call. Runs where its caller does,
    /// which is this loop: only what waits for the server is another function.
    package nonisolated func call(
        _ call: ServerCall,
        wantsProgress: Bool,
        logLevel: LogLevel? = nil,
        traceparent: String? = nil,
        modes: InputModes = [],
        questions: QuestionSink? = nil,
        timeout: Duration,
        isStillAllowed: @Sendable () -> Bool = { true },
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let steps: any CallPreparation = self
        for attempt in 0..<2 {
            let revision =
                if let known = steps.revisionAtHand { known } else { try await open() }
            let request = try steps.request(
                call,
                revision,
                CallTerms(
                    wantsProgress: wantsProgress,
                    logLevel: logLevel,
                    traceparent: traceparent,
                    modes: modes,
                    questions: questions,
                    timeout: timeout
                ),
                isStillAllowed: isStillAllowed()
            )
            let answer: UpstreamAnswer
            do throws(UpstreamFailure) {
                answer = try await transport.send(
                    request,
                    cancellation: cancellation,
                    notifications: notifications
                )
            } catch {
                // It ended, or was put to sleep, between the look and the write: nothing was sent.
                guard error.isOvertaken, attempt == 0, !cancellation.isCancelled else {
                    throw error
                }
                continue
            }
            guard revision.isModern, !modes.isEmpty, Self.mayAsk.contains(call.method),
                case .result(let result) = answer,
                result["resultType"]?.isString("input_required") == true
            else { return try Self.complete(answer, revision) }
            return .input(result)
        }
        throw UpstreamFailure(.notSent, "\(ServerProcessError.notRunning)")
    }

    /// What a server may answer with a question (2026-07-28, basic/patterns/mrtr).
    private static let mayAsk: Set<String> = ["tools/call", "prompts/get", "resources/read"]

    /// Whether a call may go to the server as it is now.
    private func check(_ isStillAllowed: Bool) throws(UpstreamFailure) {
        if let refusal { throw UpstreamFailure(.notSent, refusal) }
        guard !isStale else {
            throw UpstreamFailure(.notSent, "it offers other tools since it was started anew")
        }
        guard isStillAllowed else {
            throw UpstreamFailure(.notSent, "the rules changed before it was sent")
        }
    }

    func request(
        _ call: ServerCall,
        _ revision: Revision,
        _ terms: CallTerms,
        isStillAllowed: Bool
    ) throws(UpstreamFailure) -> UpstreamRequest {
        try check(isStillAllowed)
        // Ended and begun anew between the look and this step, a process may speak another one.
        guard revision == self.revision else {
            throw UpstreamFailure(.notSent, "\(ServerProcessError.notRunning)", isOvertaken: true)
        }
        let id = takeID()
        let isUsual =
            !terms.wantsProgress && terms.logLevel == nil && terms.traceparent == nil
        let meta: [UInt8]
        if isUsual, let usualMeta, usualMeta.revision == revision,
            usualMeta.modes.rawValue == terms.modes.rawValue
        {
            meta = usualMeta.text
        } else {
            meta = self.meta(
                for: revision,
                progressToken: terms.wantsProgress ? id : nil,
                logLevel: terms.logLevel,
                traceparent: terms.traceparent,
                modes: terms.modes
            )
            if isUsual { usualMeta = (revision, terms.modes, meta) }
        }
        return UpstreamRequest(
            id: id,
            method: call.method,
            body: call.request(id, meta: meta),
            name: call.name,
            parameters: call.mirrored,
            deadline: loop.now.advanced(by: terms.timeout),
            revision: revision,
            generation: generation,
            questions: revision.isModern ? nil : terms.questions
        )
    }

    /// Says whether calls may go to the running process after all, because somebody decided.
    package func hold(_ reason: String?) { refusal = reason }

    /// Asks the server what it is and what it offers; bounded in pages, items and time.
    ///
    /// Where its process or session went meanwhile the next one is asked, once.
    package func describe() async throws(UpstreamFailure) -> ServerDescription {
        let found: ServerDescription
        var asked = try await openedOne()
        do throws(UpstreamFailure) {
            found = try await list(asked.revision, of: asked.generation)
        } catch {
            let isGone = asked.generation != (await transport.currentGeneration)
            guard error.isOvertaken || isGone && !transport.isHTTP else { throw error }
            asked = try await openedOne()
            found = try await list(asked.revision, of: asked.generation, isLast: true)
        }
        described = found
        // Of one that was begun meanwhile it says nothing.
        if opened == asked { isStale = false }
        return found
    }

    /// Whether the running process answers anything at all within that time: `ping`, which 2026-07-28
    /// has not; its servers answer `server/discover`.
    func isAnswering(within timeout: Duration) async -> Bool {
        guard let revision, generation == (await transport.currentGeneration) else { return true }
        do throws(UpstreamFailure) {
            _ = try await request(
                revision.isModern ? "server/discover" : "ping",
                revision: revision,
                of: generation,
                timeout: timeout,
                isProbe: true
            )
            return true
        } catch {
            // That its process ended is known; an answer that is none is one.
            return error.kind != .timedOut
        }
    }

    package func close() async { await transport.close() }

    /// A result is complete, or none: of the other kinds nothing was offered, and an unknown one is
    /// an invalid answer (2026-07-28, basic/index and basic/patterns/mrtr).
    static func complete(
        _ answer: UpstreamAnswer,
        _ revision: Revision
    ) throws(UpstreamFailure) -> UpstreamAnswer {
        guard case .result(let result) = answer else { return answer }
        guard result.kind == .object else {
            throw UpstreamFailure(.invalidAnswer, "answered with a result that is no object")
        }
        if revision.isModern, let type = result["resultType"], !type.isString("complete") {
            throw UpstreamFailure(
                .invalidAnswer,
                "answered with a result of type `\(printable(type.string ?? "?", limit: 64))`"
            )
        }
        return answer
    }

    // MARK: Requests

    func request(
        _ method: String,
        revision: Revision,
        of generation: UInt64? = nil,
        timeout: Duration? = nil,
        isProbe: Bool = false,
        params: ((inout JSONWriter) -> Void)? = nil
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let id = takeID()
        let body = Envelope.request(.integer(id), method) { writer in
            params?(&writer)
            self.writeMeta(&writer, for: revision)
        }
        return try await transport.send(
            UpstreamRequest(
                id: id,
                method: method,
                body: body,
                name: nil,
                parameters: [],
                deadline: loop.now.advanced(by: timeout ?? startTimeout),
                revision: revision,
                generation: generation,
                isProbe: isProbe
            ),
            cancellation: CallCancellation(),
            notifications: { _, _ in }
        )
    }

    /// Every request has an id of ours that no other ever had (protocol rule for all revisions).
    func takeID() -> Int64 {
        defer { nextID &+= 1 }
        return nextID
    }

    /// What every request of ours says of itself.
    func writeMeta(_ writer: inout JSONWriter, for revision: Revision) {
        let meta = meta(for: revision)
        guard !meta.isEmpty else { return }
        writer.key("_meta")
        writer.raw(meta)
    }

    /// The text of `_meta`, empty for none.
    ///
    /// Nothing is declared that the gateway cannot mediate, and nothing that the agent of this very
    /// request does not take.
    private func meta(
        for revision: Revision,
        progressToken: Int64? = nil,
        logLevel: LogLevel? = nil,
        traceparent: String? = nil,
        modes: InputModes = []
    ) -> [UInt8] {
        guard revision.isModern || progressToken != nil || traceparent != nil else { return [] }
        var writer = JSONWriter()
        writer.beginObject()
        if revision.isModern {
            writer.key("io.modelcontextprotocol/protocolVersion")
            writer.string(revision.rawValue)
            writer.key("io.modelcontextprotocol/clientInfo")
            writer.raw(identity.text)
            writer.key("io.modelcontextprotocol/clientCapabilities")
            writer.beginObject()
            modes.write(&writer, for: revision)
            writer.endObject()
            if let logLevel {
                writer.key("io.modelcontextprotocol/logLevel")
                writer.string(logLevel.rawValue)
            }
        }
        if let progressToken {
            writer.key("progressToken")
            writer.number(progressToken)
        }
        if let traceparent {
            writer.key("traceparent")
            writer.string(traceparent)
        }
        writer.endObject()
        return writer.bytes
    }
}

/// What a call asks for beside what it says.
struct CallTerms {
    let wantsProgress: Bool
    let logLevel: LogLevel?
    let traceparent: String?
    let modes: InputModes
    let questions: QuestionSink?
    let timeout: Duration
}

/// The steps before a call is sent, taken on the client's loop without a switch of actors; the
/// conformance asks whether it is that loop.
protocol CallPreparation: Sendable {
    /// The revision spoken with a server that can be sent to at once.
    var revisionAtHand: Revision? { get }

    /// The request for the server as it is now; throws where no call may go to it.
    func request(
        _ call: ServerCall,
        _ revision: Revision,
        _ terms: CallTerms,
        isStillAllowed: Bool
    ) throws(UpstreamFailure) -> UpstreamRequest
}

extension MCPClient: @preconcurrency CallPreparation {}
