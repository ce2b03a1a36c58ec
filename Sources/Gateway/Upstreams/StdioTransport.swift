import Base
import JSON
import MCP
import Screening
package import System

/// Requests to a hosted server over its standard input and output.
///
/// Many requests share the one process; each is found again by its own id. When the process ends,
/// every one of them is lost: what was sent and not answered is not known to be undone.
package actor StdioTransport: UpstreamTransport {
    package nonisolated let isHTTP = false
    private let loop: EventLoop
    private var process: ServerProcess?
    private var greet: (@Sendable () async -> UpstreamFailure?)?
    private var notice: (@Sendable (UpstreamNotice) -> Void)?
    /// The listening request that is open, where the revision has them.
    private var listening: Int64?
    private var isListeningTaken = false
    private var report: (@Sendable (String) -> Void)?
    /// Calls that were given up, oldest first; bounded by `abandonedLimit`.
    private var abandoned: [Int64] = []
    private static let abandonedLimit = 256
    private var waiting: [Int64: Waiting] = [:]
    private var order = SendingOrder()
    private var generation: UInt64 = 0
    private let startTimeout: Duration
    private let standing: StandingAnswers

    private struct Waiting {
        let number: UInt64
        let pending: Pending<UpstreamAnswer>
        let notifications: NotificationSink
        let questions: QuestionSink?
        let deadline: Instant
        let isProbe: Bool
    }

    /// The one call in flight; nil where there is none, or more: a line does not say whose it is.
    private var onlyCall: (id: Int64, entry: Waiting)? {
        let calls = waiting.lazy.filter { !$0.value.isProbe }.prefix(2)
        guard let (id, entry) = calls.first, calls.count == 1 else { return nil }
        return (id, entry)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(loop: EventLoop, startTimeout: Duration, standing: StandingAnswers = .init()) {
        self.loop = loop
        self.standing = standing
        self.startTimeout = startTimeout
    }

    /// The process whose lines these are; called once, before the first request.
    package func attach(
        _ process: ServerProcess,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.process = process
        self.report = report
    }

    package func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) {
        self.greet = greet
    }

    package func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) { notice = body }

    /// The request has no end that anybody waits for, so that it keeps no process awake.
    package func listen(_ request: UpstreamRequest?, to opened: Opened) async {
        guard opened.generation == generation else { return }
        let before = listening
        listening = request?.id
        isListeningTaken = false
        if let request { try? await process?.send(request.body) }
        // It may have taken its input slowly, and ended.
        guard let before, opened.generation == generation else { return }
        await sendCancelled(before, reason: "replaced")
    }

    // MARK: Requests

    package func ready() async throws(UpstreamFailure) -> UInt64 {
        guard let process else { throw UpstreamFailure(.notSent, "the server is not set up") }
        do throws(ServerProcessError) {
            try await process.ready(until: loop.now.advanced(by: startTimeout))
        } catch {
            throw UpstreamFailure(.notSent, error.description, advice: error.advice)
        }
        return generation
    }

    package var currentGeneration: UInt64 { generation }
    /// A process may have ended or rest.
    package nonisolated var generationAtHand: UInt64? { nil }

    package func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        guard let process else { throw UpstreamFailure(.notSent, "the server is not set up") }
        guard !cancellation.isCancelled else {
            throw UpstreamFailure(.notSent, "called off before it was sent")
        }
        // What is meant for one process is not told to the next, which may not even be greeted yet.
        guard request.generation == nil || request.generation == generation else {
            throw UpstreamFailure(.notSent, "\(ServerProcessError.notRunning)", isOvertaken: true)
        }
        let pending = Pending<UpstreamAnswer>(on: loop)
        waiting[request.id] = Waiting(
            number: order.request(),
            pending: pending,
            notifications: notifications,
            questions: request.questions,
            deadline: request.deadline,
            isProbe: request.isProbe
        )
        defer { waiting[request.id] = nil }
        if !request.isProbe { await process.beginCall() }
        defer { if !request.isProbe { loop.spawn { await process.endCall() } } }  // Ends at once.
        do throws(ServerProcessError) {
            try await process.send(request.body)
        } catch {
            let kind: UpstreamFailure.Kind =
                if case .writeFailed = error { .lost } else { .notSent }
            throw UpstreamFailure(
                kind,
                error.description,
                isOvertaken: error == .notRunning
            )
        }
        let id = request.id
        let key = cancellation.onCancel { [weak self, loop] in
            // The waiting call goes on as soon as its failure is set; this task ends with it.
            loop.spawn { await self?.callOff(id) }
        }
        defer { cancellation.remove(key) }
        do {
            return try await pending.value(until: request.deadline)
        } catch let failure as UpstreamFailure {
            throw failure
        } catch {
            abandon(id)
            if !request.isOpening, !request.isProbe {
                // Nobody waits for it: a server that takes no input would hold the answer up. It
                // ends with the deadline of the write.
                loop.spawn { await self.sendCancelled(id, reason: "no answer in time") }
            }
            throw UpstreamFailure(.timedOut, "no answer in time")
        }
    }

    package func notify(_ message: [UInt8], to opened: Opened) async {
        guard opened.generation == generation else { return }
        await say(message)
    }

    /// Sends what has no answer.
    private func say(_ message: [UInt8]) async {
        order.word()
        try? await process?.send(message)
    }

    package func close() async { await process?.stop() }

    private func callOff(_ id: Int64) async {
        guard let found = waiting[id] else { return }
        found.pending.fail(UpstreamFailure(.cancelled, "called off"))
        abandon(id)
        await sendCancelled(id, reason: "called off")
    }

    private func abandon(_ id: Int64) {
        if let entry = waiting[id] { order.gaveUp(entry.number) }
        if abandoned.count == Self.abandonedLimit { abandoned.removeFirst() }
        abandoned.append(id)
    }

    private func sendCancelled(_ id: Int64, reason: String) async {
        let message = Envelope.notification("notifications/cancelled") { writer in
            writer.key("requestId")
            writer.number(id)
            writer.key("reason")
            writer.string(reason)
        }
        await say(message)
    }

    // MARK: What the process says

    /// A new process runs: introduces the gateway, and returns why it is not to be used, or nil.
    package func started() async -> String? {
        generation &+= 1
        listening = nil
        order = SendingOrder()
        guard let greet else { return "nobody greets it" }
        guard let failure = await greet() else { return nil }
        return "it does not open as the protocol asks: \(failure.description)"
    }

    /// The process is gone; everything in flight is lost.
    package func ended(_ reason: String) {
        generation &+= 1
        abandoned = []
        for entry in waiting.values {
            entry.pending.fail(UpstreamFailure(.lost, "the server ended: \(reason)"))
        }
    }

    /// One line of its standard output.
    package func take(_ line: [UInt8]) async {
        guard let document = try? JSONDocument(parsing: line, limits: .result) else {
            await process?.noteInvalidMessage()
            return
        }
        let message: Message
        do throws(MalformedMessage) {
            message = try Message(document.root)
        } catch {
            if let refusal = Message.errorWithoutID(document.root), take(unnamed: refusal) {
                return
            }
            if case .integer(let id)? = error.id, let found = waiting[id] {
                found.pending.fail(UpstreamFailure(.invalidAnswer, error.error.message))
            }
            await process?.noteInvalidMessage()
            return
        }
        switch message {
        case .response(let response):
            take(response)
        case .notification(let notification):
            take(notification)
        case .request(let request):
            await answer(request)
        }
    }

    /// What a process asked is answered to that process: the ids of its questions may be those of the
    /// next one's.
    private func answer(
        _ response: [UInt8],
        to asking: UInt64,
        restoring left: Duration,
        of id: Int64
    ) async {
        guard asking == generation else { return }
        if let found = waiting[id] {
            found.pending.extend(until: loop.now.advanced(by: max(.seconds(1), left)))
        }
        await say(response)
    }

    /// Takes an error for that of the one request it can be about; false where nobody knows whose it
    /// is, because several are in flight or something else was said that it may be about.
    private func take(unnamed error: Message.Response.Outcome) -> Bool {
        guard case .error(let code, _, _) = error else { return false }
        let heard = isListeningTaken ? nil : listening
        switch (waiting.count, heard) {
        case (1, nil) where order.isSettled:
            waiting.values.first?.pending.fulfil(UpstreamAnswer(error))
            return true
        case (0, let id?) where order.isSettled:
            listening = nil
            notice?(.listeningRefused(id, code: code))
            return true
        default:
            if order.saysUnnamed() {
                report?(
                    "answered with an error (\(code)) and did not say what; it may be any request"
                )
            }
            return false
        }
    }

    /// Whether the process was told to go.
    private var isLeaving: Bool {
        // A server lives on the loop of its transport.
        process?.assumeIsolated { $0.isStopping } ?? true
    }

    private func take(_ response: Message.Response) {
        guard case .integer(let id) = response.id else { return }
        guard let found = waiting[id] else {
            if id == listening {
                listening = nil
                switch response.outcome {
                case .result: notice?(.listeningEnded(id))
                // One that is told to go calls off what it has open.
                case .error where isLeaving: break
                case .error(let code, _, _): notice?(.listeningRefused(id, code: code))
                }
            } else if let index = abandoned.firstIndex(of: id) {
                abandoned.remove(at: index)
                report?("answered request \(id) after it was given up; the answer is dropped")
            }
            return
        }
        order.answered(found.number)
        found.pending.fulfil(UpstreamAnswer(response.outcome))
    }

    private func take(_ notification: Message.Notification) {
        if let found = UpstreamNotice(notification) {
            if case .acknowledged(let id) = found, id == listening { isListeningTaken = true }
            notice?(found)
            return
        }
        if notification.method == "notifications/cancelled", let id = listening,
            notification.params?["requestId"].flatMap({ RequestID($0) }) == .integer(id)
        {
            // The one request of ours that a server may call off (2026-07-28,
            // basic/patterns/cancellation).
            listening = nil
            notice?(.listeningEnded(id))
            return
        }
        if notification.method == "notifications/message" {
            onlyCall?.entry.notifications(notification.method, notification.params)
            return
        }
        guard let token = notification.params?["progressToken"].flatMap({ ProgressToken($0) }),
            case .integer(let id) = token, let found = waiting[id], !found.pending.isSettled
        else { return }
        found.notifications(notification.method, notification.params)
    }

    /// Of an upstream's own requests those with a standing answer have it, and what an agent must
    /// answer goes there where it is plain which call it is about; the rest was not declared.
    private func answer(_ request: Message.Request) async {
        if standing.leaves(request.method), let (id, only) = onlyCall,
            let questions = only.questions
        {
            // The server waits for a person, not the person for the server.
            let left = only.deadline.duration(since: loop.now)
            only.pending.extend(until: loop.now.advanced(by: Limits.inputTime + left))
            // Ends when the person answered, or took too long.
            loop.spawn { [generation] in
                let answer = await questions(request)
                await self.answer(answer, to: generation, restoring: left, of: id)
            }
            return
        }
        await say(standing.answer(to: request))
    }
}
