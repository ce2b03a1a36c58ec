import Base
import HTTP
import JSON
import MCP
import System

/// What a remote server says without being asked: on the stream of a listening request, or on the
/// one a handshake session may have (2025-11-25, basic/transports).
extension HTTPTransport {
    package func listen(_ request: UpstreamRequest?, to opened: Opened) async {
        guard opened.generation == generation else { return }
        hearing?.cancel()
        hearing = nil
        guard request != nil || !opened.revision.isModern, !isOldest else { return }
        let stop = Cancellation(on: loop)
        hearing = stop
        // Ends with the next `listen`, with `close`, and when the server takes no such stream.
        loop.spawn { await self.hear(request, stop, opened) }
    }

    private func hear(
        _ request: UpstreamRequest?,
        _ stop: Cancellation,
        _ opened: Opened
    ) async {
        var wait = Limits.absenceWait
        while !stop.isCancelled, generation == opened.generation {
            let began = loop.now
            let end = await hearOnce(request, opened.revision, stop)
            guard end != .never, !stop.isCancelled else { return }
            // A stream that ends is opened again; one that ends at once, less and less often.
            let isLong = loop.now.duration(since: began) > .seconds(60)
            wait = isLong ? Limits.absenceWait : min(wait * 2, Limits.absenceWaitMaximum)
            do {
                try await loop.sleep(for: wait)
            } catch {
                return
            }
            // What it said meanwhile was not heard. Of one that refuses, whoever asked looks when it
            // does not any more.
            if end == .passed { notice?(.listChanged) }
        }
    }

    private enum End { case passed, refused, never }

    /// An error to a listening request: it may be taken another time, unless there is no such method.
    private func refused(_ request: UpstreamRequest, _ code: Int64) -> End {
        notice?(.listeningRefused(request.id, code: code))
        return code == MCPClient.unknownMethod ? .never : .refused
    }

    /// The code of the error that answers the request, whatever carries it.
    private static func error(_ root: JSONNode, to request: UpstreamRequest) -> Int64? {
        let outcome: Message.Response.Outcome?
        if case .response(let answer) = try? Message(root) {
            outcome = answer.id == .integer(request.id) ? answer.outcome : nil
        } else {
            outcome = Message.errorWithoutID(root)
        }
        guard case .error(let code, _, _)? = outcome else { return nil }
        return code
    }

    private func hearOnce(
        _ request: UpstreamRequest?,
        _ revision: Revision,
        _ stop: Cancellation
    ) async -> End {
        let deadline = loop.now.advanced(by: Limits.hearingTime)
        // What is asked on this stream is answered to this session, and to no later one.
        let own = session
        do throws(HTTPClientError) {
            let response = try await client.send(
                request.map { message($0) } ?? streamRequest(revision, until: deadline),
                cancellation: stop
            )
            guard case .events(let events) = response.content else {
                if case .body(let body) = response.content, let request,
                    ![401, 403].contains(response.status.code),
                    let document = try? JSONDocument(parsing: body, limits: .result),
                    let code = Self.error(document.root, to: request)
                {
                    return refused(request, code)
                }
                // Another status may pass: of 2025-11-25, 405 says that there is no such stream.
                let lasting = [400, 401, 403, 404, 405, 406, 501].contains(response.status.code)
                return lasting ? .never : .passed
            }
            while let event = try await events.next(until: deadline) {
                guard let document = try? JSONDocument(parsing: event.data, limits: .result) else {
                    continue
                }
                if let request, let code = Self.error(document.root, to: request) {
                    await events.close()
                    return refused(request, code)
                }
                guard let message = try? Message(document.root) else { continue }
                switch message {
                case .notification(let notification):
                    if let found = UpstreamNotice(notification) { notice?(found) }
                case .request(let asked) where !revision.isModern:
                    await answer(asked, in: own, revision)
                case .request, .response: continue
                }
            }
            return .passed
        } catch {
            // Nobody there now: it is tried again until somebody else finds that out too.
            return .passed
        }
    }

    /// What is asked on no call's stream goes to the agent where it is plain which call it is about.
    private func answer(
        _ asked: Message.Request,
        in own: FieldValue?,
        _ revision: Revision
    ) async {
        guard standing.leaves(asked.method), inFlightCount == 1,
            let questions = asking.first?.questions
        else { return await reply(standing.answer(to: asked), in: own, revision: revision) }
        // Ends when the agent answered, or took too long.
        loop.spawn { await self.reply(await questions(asked), in: own, revision: revision) }
    }

    /// The session's own stream; or, after an event of another, what that one goes on with.
    func streamRequest(
        _ revision: Revision,
        after last: FieldValue? = nil,
        until deadline: Instant
    ) -> ClientRequest {
        var fields = FieldBlock()
        fields.add(.accept, literal: "text/event-stream")
        if revision >= .r2025_06_18, let version = FieldValue(revision.rawValue) {
            fields.add(.mcpProtocolVersion, version)
        }
        if let session { fields.add(.mcpSessionID, session) }
        if let last { fields.add(.lastEventID, last) }
        return ClientRequest(.get, target, fields, deadline: deadline)
    }
}
