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
    private let transport: any UpstreamTransport
    private let loop: EventLoop
    private let identity: Implementation
    private let offered: [Revision]
    private let pinned: Revision?
    private let startTimeout: Duration

    private var nextID: Int64 = 1
    private var generation: UInt64?
    private var revision: Revision?
    private var instructions: String?
    private var lastFailure: UpstreamFailure?
    private var opening: Task<Result<Revision, UpstreamFailure>, Never>?

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
    package func attach() async {
        await transport.onStart { [weak self] in await self?.greet() ?? false }
    }

    private func greet() async -> Bool {
        let current = await transport.currentGeneration
        do throws(UpstreamFailure) {
            _ = try await introduce()
            generation = current
            lastFailure = nil
            return true
        } catch {
            lastFailure = error
            return false
        }
    }

    // MARK: Calls

    /// Calls a tool; the arguments are the call form, sent as they were judged.
    package func callTool(
        _ tool: ToolName,
        arguments: [UInt8],
        mirrored: [(name: String, value: String)],
        wantsProgress: Bool,
        timeout: Duration,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let revision = try await open()
        let id = takeID()
        let body = Envelope.request(.integer(id), "tools/call") { writer in
            writer.key("name")
            writer.string(tool.rawValue)
            writer.key("arguments")
            writer.raw(arguments)
            self.writeMeta(&writer, for: revision, progressToken: wantsProgress ? id : nil)
        }
        return try await transport.send(
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
    }

    /// Asks the server what it is and what it offers; bounded in pages, items and time.
    package func describe() async throws(UpstreamFailure) -> ServerDescription {
        let revision = try await open()
        var tools: [ToolDefinition] = []
        var unusable: [ServerDescription.UnusableTool] = []
        var cursor: String?
        var seen: Set<String> = []
        for _ in 0..<Limits.listPageCount {
            let page = try await listPage(after: cursor, revision: revision)
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
            cursor = page["nextCursor"]?.string
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

    /// Whether the server answers `tools/list` in time: that is what alive means.
    package func isAlive() async -> Bool {
        guard let revision = try? await open() else { return false }
        return (try? await listPage(after: nil, revision: revision)) != nil
    }

    package func close() async { await transport.close() }

    private func listPage(
        after cursor: String?,
        revision: Revision
    ) async throws(UpstreamFailure) -> JSONNode {
        let answer = try await request("tools/list", revision: revision) { writer in
            guard let cursor else { return }
            writer.key("cursor")
            writer.string(cursor)
        }
        guard case .result(let result) = answer, result["tools"]?.kind == .array else {
            throw UpstreamFailure(.invalidAnswer, "`tools/list` was not answered with a list")
        }
        return result
    }

    // MARK: Opening

    /// The revision spoken with the server, after the handshake where it needs one.
    private func open() async throws(UpstreamFailure) -> Revision {
        let current = try await transport.ready()
        if let revision, generation == current { return revision }
        if let lastFailure, !transport.isHTTP { throw lastFailure }
        if let opening { return try await opening.value.get() }
        let task = Task<Result<Revision, UpstreamFailure>, Never>(executorPreference: loop) {
            // Every call that needs the server waits for this one; it ends by its deadlines.
            do throws(UpstreamFailure) {
                return .success(try await self.introduce())
            } catch {
                return .failure(error)
            }
        }
        opening = task
        let outcome = await task.value
        opening = nil
        let found = try outcome.get()
        generation = current
        return found
    }

    private func introduce() async throws(UpstreamFailure) -> Revision {
        revision = nil
        if let pinned {
            if pinned.isModern {
                try await discoverOnly()
            } else {
                try await initialize(pinned)
            }
            revision = pinned
            return pinned
        }
        let found: Revision
        if try await isModern() {
            found = .newest
        } else {
            found = try await initialize(.newestLegacy)
        }
        revision = found
        return found
    }

    /// Probes with `server/discover`: an answer or -32020 to -32022 means modern, anything else,
    /// silence included, legacy (2026-07-28, basic/transports/stdio).
    private func isModern() async throws(UpstreamFailure) -> Bool {
        do throws(UpstreamFailure) {
            let answer = try await request(
                "server/discover",
                revision: .newest,
                timeout: min(startTimeout, .seconds(10))
            )
            switch answer {
            case .result(let result):
                let versions = result["supportedVersions"]?.elements.map(\.string) ?? []
                guard versions.contains(Revision.newest.rawValue) else { return false }
                takeInstructions(result)
                return true
            case .error(let code, _):
                guard (-32022 ... -32020).contains(code) else { return false }
                throw UpstreamFailure(
                    .invalidAnswer,
                    "speaks only revisions of the protocol newer than \(Revision.newest.rawValue)"
                )
            }
        } catch {
            switch error.kind {
            case .timedOut: return false
            case .invalidAnswer where transport.isHTTP && error.description.hasPrefix("HTTP"):
                return false
            default: throw error
            }
        }
    }

    private func discoverOnly() async throws(UpstreamFailure) {
        guard case .result(let result) = try await request("server/discover", revision: .newest)
        else {
            throw UpstreamFailure(.invalidAnswer, "does not speak the pinned revision")
        }
        takeInstructions(result)
    }

    @discardableResult
    private func initialize(_ wanted: Revision) async throws(UpstreamFailure) -> Revision {
        let answer = try await request(
            "initialize",
            revision: wanted,
            timeout: startTimeout
        ) { writer in
            writer.key("protocolVersion")
            writer.string(wanted.rawValue)
            writer.key("capabilities")
            writer.beginObject()
            writer.endObject()
            writer.key("clientInfo")
            writer.raw(self.identity.text)
        }
        switch answer {
        case .error(_, let message):
            throw UpstreamFailure(
                .invalidAnswer,
                "refused `initialize`: \(printable(message, limit: 200))"
            )
        case .result(let result):
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
            takeInstructions(result)
            await transport.notify(
                Envelope.notification("notifications/initialized"),
                revision: granted
            )
            return granted
        }
    }

    private func takeInstructions(_ result: JSONNode) {
        instructions = result["instructions"]?.string.flatMap { text in
            text.utf8.count <= Limits.definitionByteCount ? text : nil
        }
    }

    // MARK: Requests

    private func request(
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
