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

    private var nextID: Int64 = 1
    var generation: UInt64?
    var revision: Revision?
    var instructions: String?
    var lastFailure: UpstreamFailure?
    var opening: Task<Result<Revision, UpstreamFailure>, Never>?
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

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        server: ServerName,
        transport: any UpstreamTransport,
        loop: EventLoop,
        identity: Implementation,
        pinned: Revision?,
        startTimeout: Duration
    ) {
        self.server = server
        self.transport = transport
        self.loop = loop
        self.identity = identity
        self.pinned = pinned
        self.startTimeout = startTimeout
        offered = transport.isHTTP ? Revision.spokenOverHTTP : Revision.spokenOverStdio
    }

    /// Makes each new process of the server be greeted; called once, before the first request.
    ///
    /// `inspection` says of it why no call may go to it, or nil; it runs beside the greeting.
    package func attach(_ inspection: @escaping @Sendable () async -> String?) async {
        self.inspection = inspection
        await transport.onStart { [weak self] in await self?.greet() }
    }

    /// Runs `body` when a server that was started anew lists other tools than before.
    package func onDrift(_ body: @escaping @Sendable () -> Void) { drifted = body }

    // MARK: Calls

    /// Calls a tool; the arguments are the call form, sent as they were judged.
    ///
    /// `isStillAllowed` is asked when the server is there to take the call.
    package func callTool(
        _ tool: ToolName,
        arguments: [UInt8],
        mirrored: [(name: String, value: String)],
        wantsProgress: Bool,
        timeout: Duration,
        isStillAllowed: @Sendable () -> Bool = { true },
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let revision = try await open()
        if let refusal { throw UpstreamFailure(.notSent, refusal) }
        guard !isStale else {
            throw UpstreamFailure(.notSent, "it offers other tools since it was started anew")
        }
        guard isStillAllowed() else {
            throw UpstreamFailure(.notSent, "the rules changed while the server was started")
        }
        let id = takeID()
        let body = Envelope.request(.integer(id), "tools/call") { writer in
            writer.key("name")
            writer.string(tool.rawValue)
            writer.key("arguments")
            writer.raw(arguments)
            self.writeMeta(&writer, for: revision, progressToken: wantsProgress ? id : nil)
        }
        let answer = try await transport.send(
            UpstreamRequest(
                id: id,
                method: "tools/call",
                body: body,
                name: tool.rawValue,
                parameters: mirrored,
                deadline: loop.now.advanced(by: timeout),
                revision: revision
            ),
            cancellation: cancellation,
            notifications: notifications
        )
        return try Self.complete(answer, revision)
    }

    /// Says whether calls may go to the running process after all, because somebody decided.
    package func hold(_ reason: String?) { refusal = reason }

    /// Asks the server what it is and what it offers; bounded in pages, items and time.
    package func describe() async throws(UpstreamFailure) -> ServerDescription {
        let found = try await list(try await open())
        described = found
        isStale = false
        return found
    }

    func list(_ revision: Revision) async throws(UpstreamFailure) -> ServerDescription {
        // However many pages: all of them within the time of one start.
        let deadline = loop.now.advanced(by: startTimeout)
        var byteCount = 0
        var tools: [ToolDefinition] = []
        var unusable: [ServerDescription.UnusableTool] = []
        var cursor: String?
        var seen: Set<String> = []
        for _ in 0..<Limits.listPageCount {
            let page = try await listPage(after: cursor, revision: revision, until: deadline)
            byteCount += page.source.count
            guard byteCount <= Limits.listByteCount else {
                throw UpstreamFailure(
                    .invalidAnswer,
                    "`tools/list` has more than \(Limits.listByteCount) bytes"
                )
            }
            for item in page["tools"].map({ Array($0.elements) }) ?? [] {
                guard tools.count + unusable.count < Limits.listItemCount else {
                    throw UpstreamFailure(
                        .invalidAnswer,
                        "lists more than \(Limits.listItemCount) tools"
                    )
                }
                do throws(ToolDefinition.Problem) {
                    tools.append(try ToolDefinition(item))
                } catch {
                    let name = item["name"]?.string ?? "?"
                    unusable.append(.init(name: printable(name), reason: "\(error)"))
                }
            }
            cursor = try Self.cursor(after: page)
            guard let next = cursor else { break }
            guard seen.insert(next).inserted else {
                throw UpstreamFailure(.invalidAnswer, "`tools/list` repeats a cursor")
            }
        }
        guard cursor == nil else {
            throw UpstreamFailure(
                .invalidAnswer,
                "`tools/list` has more than \(Limits.listPageCount) pages"
            )
        }
        return ServerDescription(
            revision: revision,
            instructions: instructions,
            tools: tools,
            unusable: unusable
        )
    }

    package func close() async { await transport.close() }

    private func listPage(
        after cursor: String?,
        revision: Revision,
        until deadline: Instant
    ) async throws(UpstreamFailure) -> JSONNode {
        let answer = try await request(
            "tools/list",
            revision: revision,
            timeout: max(.zero, deadline.duration(since: loop.now))
        ) { writer in
            guard let cursor else { return }
            writer.key("cursor")
            writer.string(cursor)
        }
        switch try Self.complete(answer, revision) {
        case .result(let result) where result["tools"]?.kind == .array: return result
        case .result: throw UpstreamFailure(.invalidAnswer, "answered `tools/list` with no list")
        case .error(_, let message, _):
            throw UpstreamFailure(
                .invalidAnswer,
                "refused `tools/list`: \(printable(message, limit: 200))"
            )
        }
    }

    /// Only an absent cursor ends a list; the empty text is one like any other (2026-07-28,
    /// server/utilities/pagination).
    private static func cursor(after page: JSONNode) throws(UpstreamFailure) -> String? {
        guard let node = page["nextCursor"], !node.isNull else { return nil }
        guard let cursor = node.string else {
            throw UpstreamFailure(.invalidAnswer, "`nextCursor` of `tools/list` is not a text")
        }
        return cursor
    }

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
        timeout: Duration? = nil,
        params: ((inout JSONWriter) -> Void)? = nil
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let id = takeID()
        let body = Envelope.request(.integer(id), method) { writer in
            params?(&writer)
            self.writeMeta(&writer, for: revision, progressToken: nil)
        }
        return try await transport.send(
            UpstreamRequest(
                id: id,
                method: method,
                body: body,
                name: nil,
                parameters: [],
                deadline: loop.now.advanced(by: timeout ?? startTimeout),
                revision: revision
            ),
            cancellation: CallCancellation(),
            notifications: { _, _ in }
        )
    }

    /// Every request has an id of ours that no other ever had (protocol rule for all revisions).
    private func takeID() -> Int64 {
        defer { nextID &+= 1 }
        return nextID
    }

    /// Nothing is declared that the gateway cannot mediate: no elicitation, sampling or roots.
    private func writeMeta(
        _ writer: inout JSONWriter,
        for revision: Revision,
        progressToken: Int64?
    ) {
        guard revision.isModern || progressToken != nil else { return }
        writer.key("_meta")
        writer.beginObject()
        if revision.isModern {
            writer.key("io.modelcontextprotocol/protocolVersion")
            writer.string(revision.rawValue)
            writer.key("io.modelcontextprotocol/clientInfo")
            writer.raw(identity.text)
            writer.key("io.modelcontextprotocol/clientCapabilities")
            writer.beginObject()
            writer.endObject()
        }
        if let progressToken {
            writer.key("progressToken")
            writer.number(progressToken)
        }
        writer.endObject()
    }
}
