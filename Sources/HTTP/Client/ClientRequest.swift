package import Base
package import System

/// A request of ours to the origin of the client it is given to.
///
/// Host, Content-Length, Connection and Authorization are written by the client.
package struct ClientRequest: Sendable {
    package var method: HTTPMethod
    package var target: String
    package var fields: FieldBlock
    package var body: [UInt8]
    /// When the response has to be there: its whole body, or the head of an event stream.
    package var deadline: Instant
    /// The largest body, and the largest single event of a stream, that is taken.
    package var responseByteCount = Limits.resultByteCount

    /// - Parameter method: any but `head` and `other`.
    package init(
        _ method: HTTPMethod,
        _ target: String,
        _ fields: FieldBlock = FieldBlock(),
        body: [UInt8] = [],
        deadline: Instant
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
        self.deadline = deadline
    }
}

extension ClientRequest {
    /// Nil for what is not sent.
    var methodName: StaticString? {
        switch method {
        case .get: "GET"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .head, .other: nil
        }
    }

    var hasValidTarget: Bool {
        var target = target
        return target.withUTF8 { bytes in
            unsafe bytes.first == 0x2F && bytes.count <= Limits.requestTargetByteCount
                && bytes.allSatisfy(Bytes.isTarget)
        }
    }

    /// Whether the length of the body is said, be it 0.
    var announcesLength: Bool {
        !body.isEmpty || method == .post || method == .put || method == .patch
    }
}

/// What came back.
package struct ClientResponse: Sendable {
    package enum Content: Sendable {
        /// The whole body.
        case body([UInt8])
        /// Content-Type was `text/event-stream`: events are pulled one by one.
        case events(EventStream)
    }

    package let head: ResponseHead
    package let content: Content
    /// Keeps the body counted as buffered for as long as this response lives.
    let lease: BufferLease?

    package var status: HTTPStatus { head.status }
}

/// Stops one request from outside: used on its loop, good for one `send`.
///
/// INVARIANT loop-thread: touched on the client's loop only, which is what makes
/// `@unchecked Sendable` true.
package final class Cancellation: @unchecked Sendable {
    package var isCancelled: Bool { isOver }
    private var isOver = false
    private let loop: EventLoop
    /// What carries the request, or what is to be done besides.
    private var connection: ClientConnection?
    private var hook: (() -> Void)?

    package init(on loop: EventLoop) { self.loop = loop }

    /// Closes the connection of the request, if it is under way; `send` and `next` then throw
    /// `cancelled`.
    package func cancel() {
        precondition(loop.isOnLoop, "used outside of its event loop")
        isOver = true
        connection?.close()
        hook?()
        detach()
    }

    func attach(_ connection: ClientConnection) { self.connection = connection }

    func attach(_ hook: @escaping () -> Void) { self.hook = hook }

    func detach() {
        connection = nil
        hook = nil
    }
}

/// Why a request brought no response.
package struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    package enum Reason: Sendable {
        case resolution(ResolveError)
        /// It may not be connected to: plain http beyond loopback, or what the route refuses.
        case addressRefused(String)
        case connection(StreamError)
        case tls(String)
        /// All connections are busy and too many requests wait.
        case tooManyWaiting(limit: Int)
        case timedOut
        case cancelled
        case framing(FramingError)
        case event(EventStreamError)
        /// The server closed before its response was whole.
        case endedEarly
        /// A content coding we did not ask for.
        case encoded(String)
        /// No room to hold the response.
        case noRoom
        case badRequest(String)
    }

    package let reason: Reason
    /// Whether any byte of the request may have reached the server.
    ///
    /// When false it was certainly
    /// not executed and may be sent again; when true nobody knows, and nothing here sends again.
    package let requestSent: Bool

    package init(_ reason: Reason, requestSent: Bool) {
        self.reason = reason
        self.requestSent = requestSent
    }

    package var description: String {
        switch reason {
        case .resolution(let error): error.description
        case .addressRefused(let text): text
        case .connection(let error): "the connection failed: \(error)"
        case .tls(let text): "TLS: \(text)"
        case .tooManyWaiting(let limit): "more than \(limit) requests wait for a connection"
        case .timedOut: "the server did not answer in time"
        case .cancelled: "the request was cancelled"
        case .framing(let error): "the response is not HTTP/1.1 as we accept it: \(error)"
        case .event(let error): error.description
        case .endedEarly: "the server closed the connection before its response was whole"
        case .encoded(let coding): "the response has the content coding `\(coding)`, none was asked"
        case .noRoom: "too many messages are held to take the response"
        case .badRequest(let text): text
        }
    }
}

/// Room in the buffer budget that is given back when the last holder lets go.
final class BufferLease: Sendable {
    private let budget: BufferBudget
    private let loop: EventLoop
    private let count: Int

    init(_ count: Int, of budget: BufferBudget, on loop: EventLoop) {
        self.budget = budget
        self.loop = loop
        self.count = count
    }

    deinit {
        if loop.isOnLoop {
            budget.give(count)
        } else {
            loop.submit { [budget, count] in budget.give(count) }
        }
    }
}
