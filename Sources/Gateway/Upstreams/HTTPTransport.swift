import Base
package import HTTP
import JSON
import MCP
package import System

/// Requests to a remote server over Streamable HTTP.
///
/// The session of a legacy server belongs to this transport alone: one per tenant, server and
/// credential. A session that ended is begun anew; the call that found out is not repeated.
package actor HTTPTransport: @preconcurrency UpstreamTransport {
    package nonisolated let isHTTP = true
    let loop: EventLoop
    let client: HTTPClient
    let target: String
    let standing: StandingAnswers
    var session: FieldValue? { didSet { usualFields = nil } }
    /// What the server granted; it is named on every request of the session.
    private var granted: Revision?
    private(set) var generation: UInt64 = 1
    var notice: (@Sendable (UpstreamNotice) -> Void)?
    /// Ends the stream that hears what the server says unasked.
    var hearing: Cancellation?
    /// Requests in flight, and who answers for them what is asked beside their own stream.
    var inFlightCount = 0
    var asking: [(id: Int64, questions: QuestionSink)] = []
    /// The head of most requests; made anew for another session or revision.
    private var usualFields: (revision: Revision, block: FieldBlock)?
    /// Where the server speaks HTTP+SSE of 2024-11-05 instead.
    var events: EventsTransport?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        client: HTTPClient,
        target: String,
        standing: StandingAnswers = .init()
    ) {
        self.loop = loop
        self.standing = standing
        self.client = client
        self.target = target
    }

    /// Whether everything it says comes on one stream in any case.
    var isOldest: Bool { events != nil }

    package func ready() async throws(UpstreamFailure) -> UInt64 { generation }
    package var currentGeneration: UInt64 { generation }
    /// Read without a switch of actors: the conformance asks instead whether it is read on the loop.
    package var generationAtHand: UInt64? { generation }
    package func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) {}

    /// Ends the session, as a client should that needs it no more, and the connections.
    package func close() async {
        hearing?.cancel()
        hearing = nil
        if let events {
            self.events = nil
            await events.close()
        }
        if let session {
            self.session = nil
            var fields = FieldBlock()
            fields.add(.mcpSessionID, session)
            if let version = granted.flatMap({ FieldValue($0.rawValue) }) {
                fields.add(.mcpProtocolVersion, version)
            }
            let deadline = loop.now.advanced(by: .seconds(2))
            _ = try? await client.send(ClientRequest(.delete, target, fields, deadline: deadline))
        }
        await client.close()
    }

    // MARK: Requests

    /// What refuses `initialize` may be of the oldest revision: it is asked for its stream
    /// (2026-07-28, basic/transports/streamable-http, "backward compatibility").
    func openEvents(
        until deadline: Instant
    ) async throws(UpstreamFailure) -> EventsTransport? {
        let found = try await EventsTransport.open(
            client,
            target: target,
            until: min(deadline, loop.now.advanced(by: .seconds(10))),
            standing: standing,
            notice: { [weak self] notice in
                // Both live on this loop.
                self?.assumeIsolated { $0.notice?(notice) }
            },
            ended: { [weak self] transport in await self?.forget(transport) }
        )
        guard let found, await !found.isEnded else { return nil }
        events = found
        return found
    }

    /// The stream is over: the next request finds out anew what the server is.
    private func forget(_ transport: EventsTransport) {
        guard events === transport else { return }
        events = nil
        generation &+= 1
        notice?(.listChanged)
    }

    package func notify(_ message: [UInt8], to opened: Opened) async {
        guard opened.generation == generation else { return }
        await notify(message, revision: opened.revision)
    }

    private func notify(_ message: [UInt8], revision: Revision) async {
        if !revision.isModern { granted = revision }
        if let events { return await events.notify(message) }
        let request = UpstreamRequest(
            id: 0,
            method: "",
            body: message,
            name: nil,
            parameters: [],
            deadline: loop.now.advanced(by: .seconds(10)),
            revision: revision
        )
        _ = try? await client.send(self.message(request))
    }

    /// Answers what was asked in that session; nobody where there is another by now, whose questions may
    /// have the same ids.
    func reply(_ answer: [UInt8], in own: FieldValue?, revision: Revision) async {
        guard own == session else { return }
        await notify(answer, revision: revision)
    }

    func message(_ request: UpstreamRequest) -> ClientRequest {
        var fields = fields(of: request)
        if request.revision.isModern, let method = FieldValue(request.method) {
            if !request.method.isEmpty { fields.add(.mcpMethod, method) }
            if let name = request.name.flatMap({ FieldValue(HeaderMirror.encode($0)) }) {
                fields.add(.mcpName, name)
            }
            for (name, value) in request.parameters {
                guard let name = FieldToken(name), let value = FieldValue(value) else { continue }
                fields.add(name, value)
            }
        }
        return ClientRequest(.post, target, fields, body: request.body, deadline: request.deadline)
    }

    /// What does not depend on what is called.
    private func fields(of request: UpstreamRequest) -> FieldBlock {
        let isFirst = request.method == "initialize"
        if !isFirst, let usualFields, usualFields.revision == request.revision {
            return usualFields.block
        }
        var fields = FieldBlock()
        fields.add(.contentType, literal: "application/json")
        fields.add(.accept, literal: "application/json, text/event-stream")
        guard !isFirst else { return fields }
        // The header came with 2025-06-18.
        if request.revision >= .r2025_06_18,
            let version = FieldValue(request.revision.rawValue)
        {
            fields.add(.mcpProtocolVersion, version)
        }
        if !request.revision.isModern, let session { fields.add(.mcpSessionID, session) }
        usualFields = (request.revision, fields)
        return fields
    }

    // MARK: Responses

    /// The next request finds out anew what the server is and what it offers.
    ///
    /// `opened` is what the request was sent to: of a later session its answer says nothing.
    func beginAnew(after request: UpstreamRequest, _ opened: UInt64) {
        guard !request.isOpening, opened == generation else { return }
        generation &+= 1
        if request.method == "tools/call" { notice?(.listChanged) }
    }

    func read(
        _ stream: EventStream,
        of request: UpstreamRequest,
        in own: FieldValue?,
        _ stop: Cancellation,
        _ notifications: NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        var events = stream
        var deadline = request.deadline
        while let event = try await next(of: &events, request, until: deadline, stop) {
            guard let document = try? JSONDocument(parsing: event.data, limits: .result) else {
                continue
            }
            do throws(MalformedMessage) {
                switch try Message(document.root) {
                case .response(let response) where response.id == .integer(request.id):
                    await events.close()
                    return UpstreamAnswer(response.outcome)
                case .response: continue
                case .notification(let notification):
                    take(notification, of: request, notifications)
                case .request(let asked):
                    // The modern revision has no such requests, and nowhere to answer them.
                    guard !request.revision.isModern else { continue }
                    if standing.leaves(asked.method), let questions = request.questions {
                        // The server waits for a person, not the person for the server.
                        let left = deadline.duration(since: loop.now)
                        let answer = await questions(asked)
                        deadline = loop.now.advanced(by: max(.seconds(1), left))
                        await reply(answer, in: own, revision: request.revision)
                        continue
                    }
                    await reply(standing.answer(to: asked), in: own, revision: request.revision)
                }
            } catch {
                if let refusal = Message.errorWithoutID(document.root) {
                    await events.close()
                    return UpstreamAnswer(refusal)
                }
                guard error.id == .integer(request.id) else { continue }
                await events.close()
                throw UpstreamFailure(.invalidAnswer, error.error.message)
            }
        }
        throw UpstreamFailure(.lost, "the stream ended before the answer")
    }

    /// The next event, also of what an interrupted stream goes on with.
    private func next(
        of events: inout EventStream,
        _ request: UpstreamRequest,
        until deadline: Instant,
        _ stop: Cancellation
    ) async throws(UpstreamFailure) -> ServerSentEvent? {
        while true {
            var broken: HTTPClientError?
            do throws(HTTPClientError) {
                if let event = try await events.next(until: deadline) { return event }
            } catch {
                broken = error
            }
            let isInterrupted =
                switch broken?.reason {
                case nil, .endedEarly, .connection: true
                default: false
                }
            if isInterrupted,
                let rest = await resume(events, of: request, until: deadline, stop)
            {
                events = rest
                continue
            }
            guard let broken else { return nil }
            throw await failure(broken, of: request)
        }
    }

    private func take(
        _ notification: Message.Notification,
        of request: UpstreamRequest,
        _ notifications: NotificationSink
    ) {
        if let found = UpstreamNotice(notification) { notice?(found) }
        if notification.method == "notifications/message" {
            notifications(notification.method, notification.params)
            return
        }
        guard let token = notification.params?["progressToken"].flatMap({ ProgressToken($0) }),
            token == .integer(request.id)
        else { return }
        notifications(notification.method, notification.params)
    }

    package func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) { notice = body }

    func failure(
        _ error: HTTPClientError,
        of request: UpstreamRequest
    ) async -> UpstreamFailure {
        let kind: UpstreamFailure.Kind
        switch error.reason {
        case _ where !error.requestSent: kind = .notSent
        case .cancelled: kind = .cancelled
        case .timedOut: kind = .timedOut
        default: kind = .lost
        }
        let isThere = request.generation.map { $0 == generation } ?? true
        if !request.revision.isModern, !request.isOpening, isThere,
            kind == .cancelled || kind == .timedOut
        {
            // In legacy revisions a closed stream is no cancel; this is (2025-11-25, cancellation).
            let id = request.id
            await notify(
                Envelope.notification("notifications/cancelled") { writer in
                    writer.key("requestId")
                    writer.number(id)
                },
                revision: request.revision
            )
        }
        return UpstreamFailure(kind, error.description)
    }
}
