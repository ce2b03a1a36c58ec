import Base
import HTTP
import MCP
import System

/// A server may close the stream of an answer and have it fetched later, by the last id it gave
/// (2025-11-25, basic/transports, "Resumability and Redelivery"); a stream that broke is fetched the
/// same way. The call itself is never sent again.
extension HTTPTransport {
    /// The rest of an answer's stream, or nil where it cannot be had.
    func resume(
        _ events: EventStream,
        of request: UpstreamRequest,
        until deadline: Instant,
        _ stop: Cancellation
    ) async -> EventStream? {
        // Streams of 2026-07-28 have no ids: what is lost is lost.
        guard !request.revision.isModern, let id = await events.lastEventID, !id.isEmpty,
            let value = FieldValue(bytes: id)
        else { return nil }
        var wait = min(await events.retryDelay ?? Limits.resumeWait, Limits.absenceWaitMaximum)
        while loop.now.advanced(by: wait) < deadline {
            do {
                try await loop.sleep(for: wait)
            } catch {
                return nil
            }
            guard !stop.isCancelled else { return nil }
            do throws(HTTPClientError) {
                let response = try await client.send(
                    streamRequest(request.revision, after: value, until: deadline),
                    cancellation: stop
                )
                if case .events(let rest) = response.content, response.status.code == 200 {
                    return rest
                }
                // Whatever else it says: it does not have it.
                guard response.status.code == 429 || response.status.code >= 500 else { return nil }
            } catch {
                guard !stop.isCancelled else { return nil }
            }
            wait = min(max(wait, Limits.resumeWait) * 2, Limits.absenceWaitMaximum)
        }
        return nil
    }
}
