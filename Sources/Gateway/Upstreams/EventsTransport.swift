import Base
import HTTP
import JSON
import MCP
import System

/// HTTP+SSE of 2024-11-05: one stream on which a server says everything, and a place it names on it
/// to which every message is posted (2024-11-05, basic/transports).
///
/// Which revision is spoken over it is another question: such servers grant up to 2025-11-25. When
/// the stream ends, everything in flight is lost, and the owner begins anew.
actor EventsTransport {
    private let loop: EventLoop
    private let client: HTTPClient
    /// Where messages are posted.
    private let place: String
    private let events: EventStream
    private let stop: Cancellation
    private let standing: StandingAnswers
    private let notice: @Sendable (UpstreamNotice) -> Void
    private var waiting: [Int64: Waiting] = [:]
    private(set) var isEnded = false

    private struct Waiting {
        let pending: Pending<UpstreamAnswer>
        let notifications: NotificationSink
        let questions: QuestionSink?
        let deadline: Instant
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    private init(
        _ client: HTTPClient,
        _ place: String,
        _ events: EventStream,
        _ stop: Cancellation,
        _ standing: StandingAnswers,
        _ notice: @escaping @Sendable (UpstreamNotice) -> Void
    ) {
        loop = client.loop
        self.client = client
        self.place = place
        self.events = events
        self.stop = stop
        self.standing = standing
        self.notice = notice
    }

    // MARK: Opening

    /// Opens the stream and waits for the place; nil where the server has no such stream.
    ///
    /// `ended` is called once, when the stream is over.
    static func open(
        _ client: HTTPClient,
        target: String,
        until deadline: Instant,
        standing: StandingAnswers,
        notice: @escaping @Sendable (UpstreamNotice) -> Void,
        ended: @escaping @Sendable (EventsTransport) async -> Void
    ) async throws(UpstreamFailure) -> EventsTransport? {
        var fields = FieldBlock()
        fields.add(.accept, literal: "text/event-stream")
        let stop = Cancellation(on: client.loop)
        let first: ServerSentEvent?
        let events: EventStream
        do throws(HTTPClientError) {
            let response = try await client.send(
                ClientRequest(.get, target, fields, deadline: deadline),
                cancellation: stop
            )
            guard case .events(let found) = response.content, response.status.code == 200 else {
                return nil
            }
            events = found
            first = try await events.next(until: deadline)
        } catch {
            // A stream that says nothing is another one: a session's own.
            if case .timedOut = error.reason { return nil }
            throw UpstreamFailure(.notSent, error.description)
        }
        guard let first, first.type == Array("endpoint".utf8) else {
            await events.close()
            return nil
        }
        guard let place = place(first.data, from: target, client.origin) else {
            await events.close()
            throw UpstreamFailure(
                .notSent,
                "names another place to post to than \(client.origin): "
                    + "`\(printable(String(decoding: first.data.prefix(200), as: UTF8.self)))`"
            )
        }
        let transport = EventsTransport(client, place, events, stop, standing, notice)
        // Ends with the stream: with `close`, or when the server ends it.
        client.loop.spawn {
            await transport.read()
            await ended(transport)
        }
        return transport
    }

    /// A place of the same origin; a server that names another is not followed there.
    static func place(_ data: [UInt8], from target: String, _ origin: HTTPOrigin) -> String? {
        guard data.count <= Limits.requestTargetByteCount,
            let text = String(validating: data, as: UTF8.self)
        else { return nil }
        let spelling: String
        if text.contains("://") {
            spelling = text
        } else if text.hasPrefix("//") {
            return nil
        } else if text.hasPrefix("/") {
            spelling = "\(origin)\(text)"
        } else {
            let path = target.prefix { $0 != "?" }
            let folder =
                text.hasPrefix("?") ? path : path[...(path.lastIndex(of: "/") ?? path.startIndex)]
            spelling = "\(origin)\(folder)\(text)"
        }
        guard let url = try? HTTPURL(parsing: spelling), url.origin == origin else { return nil }
        return url.target
    }

    // MARK: Messages

    func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        guard !isEnded else { throw UpstreamFailure(.notSent, "the server ended its stream") }
        guard !cancellation.isCancelled else {
            throw UpstreamFailure(.notSent, "called off before it was sent")
        }
        let id = request.id
        let pending = Pending<UpstreamAnswer>(on: loop)
        waiting[id] = Waiting(
            pending: pending,
            notifications: notifications,
            questions: request.questions,
            deadline: request.deadline
        )
        defer { waiting[id] = nil }
        let key = cancellation.onCancel { [weak self] in
            // Calls are called off on the loop.
            self?.assumeIsolated {
                $0.waiting[id]?.pending.fail(UpstreamFailure(.cancelled, "called off"))
            }
        }
        defer { cancellation.remove(key) }
        if let refusal = try await post(request.body, until: request.deadline) { return refusal }
        do {
            return try await pending.value(until: request.deadline)
        } catch {
            let failure =
                error as? UpstreamFailure ?? UpstreamFailure(.timedOut, "no answer in time")
            if !request.isOpening, failure.kind != .lost { await callOff(id) }
            throw failure
        }
    }

    func notify(_ message: [UInt8]) async {
        _ = try? await post(message, until: loop.now.advanced(by: .seconds(10)))
    }

    /// Posts one message; an error where the server says that it did not take it.
    private func post(
        _ message: [UInt8],
        until deadline: Instant
    ) async throws(UpstreamFailure) -> UpstreamAnswer? {
        var fields = FieldBlock()
        fields.add(.contentType, literal: "application/json")
        let response: ClientResponse
        do throws(HTTPClientError) {
            response = try await client.send(
                ClientRequest(.post, place, fields, body: message, deadline: deadline)
            )
        } catch {
            let kind: UpstreamFailure.Kind =
                switch error.reason {
                case _ where !error.requestSent: .notSent
                case .timedOut: .timedOut
                default: .lost
                }
            throw UpstreamFailure(kind, error.description)
        }
        switch response.status.code {
        case 200..<300:
            if case .events(let stray) = response.content { await stray.close() }
            return nil
        case 300..<500:
            // Nothing with such a status was carried out; of 404 the stream is known no more.
            if response.status.code == 404 { stop.cancel() }
            return .error(code: -32603, message: "HTTP \(response.status.code)")
        default:
            throw UpstreamFailure(
                .invalidAnswer,
                "HTTP \(response.status.code) without a response of the protocol"
            )
        }
    }

    private func callOff(_ id: Int64) async {
        await notify(
            Envelope.notification("notifications/cancelled") { writer in
                writer.key("requestId")
                writer.number(id)
            }
        )
    }

    /// Ends the stream; everything in flight is lost.
    func close() { stop.cancel() }

    // MARK: What the server says

    private func read() async {
        let deadline = loop.now.advanced(by: Limits.hearingTime)
        var reason = "the server ended its stream"
        do throws(HTTPClientError) {
            while let event = try await events.next(until: deadline) { await take(event) }
        } catch {
            reason = error.description
        }
        await events.close()
        isEnded = true
        for entry in waiting.values { entry.pending.fail(UpstreamFailure(.lost, reason)) }
    }

    private func take(_ event: ServerSentEvent) async {
        guard event.type == nil || event.type == Array("message".utf8),
            let document = try? JSONDocument(parsing: event.data, limits: .result)
        else { return }
        do throws(MalformedMessage) {
            switch try Message(document.root) {
            case .response(let response): take(response)
            case .notification(let notification): take(notification)
            case .request(let asked): await answer(asked)
            }
        } catch {
            guard case .integer(let id)? = error.id else { return }
            waiting[id]?.pending.fail(UpstreamFailure(.invalidAnswer, error.error.message))
        }
    }

    private func take(_ response: Message.Response) {
        guard case .integer(let id) = response.id, let found = waiting[id] else { return }
        found.pending.fulfil(UpstreamAnswer(response.outcome))
    }

    private func take(_ notification: Message.Notification) {
        if let found = UpstreamNotice(notification) { return notice(found) }
        if notification.method == "notifications/message" {
            // The stream does not say whose call it is about: with one call it is plain.
            guard waiting.count == 1, let only = waiting.values.first else { return }
            return only.notifications(notification.method, notification.params)
        }
        guard
            case .integer(let id)? = notification.params?["progressToken"].flatMap({
                ProgressToken($0)
            }), let found = waiting[id], !found.pending.isSettled
        else { return }
        found.notifications(notification.method, notification.params)
    }

    /// What an agent must answer is passed on where it is plain which call it is about; what else the
    /// server asks is refused before anything more of it is read.
    private func answer(_ asked: Message.Request) async {
        guard standing.leaves(asked.method), waiting.count == 1,
            let (id, only) = waiting.first, let questions = only.questions
        else { return await notify(standing.answer(to: asked)) }
        // The server waits for a person, not the person for the server.
        let left = only.deadline.duration(since: loop.now)
        only.pending.extend(until: loop.now.advanced(by: Limits.inputTime + left))
        // Ends when the person answered, or took too long.
        loop.spawn {
            let answer = await questions(asked)
            await self.answer(answer, restoring: left, of: id)
        }
    }

    private func answer(_ response: [UInt8], restoring left: Duration, of id: Int64) async {
        waiting[id]?.pending.extend(until: loop.now.advanced(by: max(.seconds(1), left)))
        await notify(response)
    }
}
