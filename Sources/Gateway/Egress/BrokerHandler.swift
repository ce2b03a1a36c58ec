import Base
import Egress
import HTTP
import Screening
import System

/// Why a request was not carried to a host whose TLS the gateway ends.
enum BrokerRefusal: Error, Sendable {
    /// The Host field is not the host the connection is for.
    case otherHost
    /// The rule names methods and paths, and this is none of them.
    case notAllowed(EgressRefusal)
    case upgrade
    case method(String, secret: String)
    case notCarried(String)
    /// A placeholder where it has no business: somebody carries credentials away.
    case canary(Set<String>, place: String)
    case noValue(String)
    case upstream(String)
    case notScreened(String)

    var status: HTTPStatus {
        switch self {
        case .otherHost: .misdirectedRequest
        case .notAllowed, .upgrade, .method, .canary: .forbidden
        case .notCarried: .notImplemented
        case .noValue, .upstream, .notScreened: .badGateway
        }
    }

    var code: String {
        switch self {
        case .otherHost: "other-host"
        case .notAllowed(let refusal): refusal.code
        case .upgrade: "upgrade"
        case .method: "method"
        case .notCarried: "not-carried"
        case .canary: "canary"
        case .noValue: "no-value"
        case .upstream: "upstream"
        case .notScreened: "not-screened"
        }
    }

    var text: String {
        switch self {
        case .notAllowed(let refusal): refusal.agentText
        case .otherHost: "the Host field must name the host the connection was made to"
        case .upgrade: "upgrades are not carried where requests are looked at"
        case .method(let method, let secret): "secret `\(secret)` may not be used with \(method)"
        case .notCarried(let what): "\(what) is not carried where requests are looked at"
        case .canary(_, let place): "a placeholder stands in the \(place), where it may not be used"
        case .noValue(let secret): "secret `\(secret)` has no value now"
        case .upstream(let reason): "the host did not answer: \(reason)"
        case .notScreened(let reason): "it could not be looked through: \(reason)"
        }
    }
}

/// Answers the requests of one connection whose TLS the gateway ends, because a secret is used there or
/// its rule names methods and paths: reads each, decides on it by itself, writes it anew, and takes
/// values out of what comes back.
struct BrokerHandler: HTTPHandler {
    let owner: ServerEgress
    let allowed: AllowedTarget
    let uses: [SecretBroker.Use]
    let start: SecretBroker.Start
    let shelf: SecretShelf
    let client: HTTPClient
    let loop: EventLoop
    let pool: BlockingPool
    let clock: any Clock

    private var target: EgressTarget { allowed.target }

    func handle(_ exchange: Exchange) async {
        do throws(BrokerRefusal) {
            try await carry(exchange)
        } catch {
            await owner.refused(error, target)
            var fields = FieldBlock()
            fields.add(.contentType, literal: "text/plain; charset=utf-8")
            if let value = FieldValue(error.code) { fields.add("x-gatehouse-refusal", value) }
            let body = Array((printable(error.text, limit: 600) + "\n").utf8)
            await exchange.respond(error.status, fields, body: body)
        }
    }

    private func carry(_ exchange: Exchange) async throws(BrokerRefusal) {
        let head = exchange.head
        try checkHost(head)
        guard head.first("upgrade") == nil else { throw .upgrade }
        let method = head.methodBytes.text
        guard head.method != .other, head.method != .head else { throw .notCarried(method) }
        // A whole address would name a host a second time.
        let path = Array(head.target)[...]
        guard path.first == UInt8(ascii: "/") else { throw .notCarried("this kind of target") }
        let names = head.fields.map { $0.name.text.lowercased() }
        do throws(EgressRefusal) {
            try allowed.check(method: method, path: path, fields: names)
        } catch { throw .notAllowed(error) }
        let written = try await written(head, exchange.body)
        let request = ClientRequest(
            head.method,
            written.target[...].text,
            written.fields,
            body: written.body,
            deadline: loop.now.advanced(by: Limits.egressAnswer)
        )
        for binding in written.used {
            guard await owner.used(binding, at: target, method: method) else {
                throw .upstream("the use could not be recorded")
            }
        }
        guard await owner.sent(head.consumedCount + exchange.body.count) else {
            throw .upstream("the budget of bytes is spent")
        }
        let response: ClientResponse
        do throws(HTTPClientError) {
            response = try await client.send(request)
        } catch {
            // What a host answers may be in it, and so what it was sent.
            let text = try masked(Array("\(error)".utf8), start.mask(shelf, clock: clock))
            throw .upstream(String(decoding: text, as: UTF8.self))
        }
        try await answer(exchange, response)
    }

    /// Long bodies are taken apart on a thread of the pool.
    private func written(
        _ head: RequestHead,
        _ body: [UInt8]
    ) async throws(BrokerRefusal) -> BrokerRequest {
        guard body.count > Limits.loopScreeningByteCount else {
            return try BrokerRequest(head, body, uses: uses, start: start, shelf: shelf)
        }
        do {
            return try await pool.run {
                try BrokerRequest(head, body, uses: uses, start: start, shelf: shelf)
            }
        } catch let refusal as BrokerRefusal {
            throw refusal
        } catch { throw .notScreened("\(error)") }
    }

    private func checkHost(_ head: RequestHead) throws(BrokerRefusal) {
        guard let value = head[.host], let (text, port) = EgressTarget.split(value),
            let host = try? WebHost(parsing: text), port ?? 443 == target.port,
            DomainName(host.description) == DomainName(target.host.description)
        else { throw .otherHost }
    }

    // MARK: The answer

    private static let answerFields: Set<String> = [
        "connection", "proxy-connection", "keep-alive", "trailer", "transfer-encoding", "upgrade",
        "content-length", "date", "proxy-authenticate", "alt-svc",
    ]

    private func answer(
        _ exchange: Exchange,
        _ response: ClientResponse
    ) async throws(BrokerRefusal) {
        let mask = start.mask(shelf, clock: clock)
        var fields = FieldBlock()
        for (name, value) in response.head.fields {
            let lower = name.text.lowercased()
            guard !Self.answerFields.contains(lower) else { continue }
            // An event stream brings its own.
            if case .events = response.content, ["content-type", "cache-control"].contains(lower) {
                continue
            }
            let line = try masked(Array(value), mask)
            guard let token = FieldToken(lower), let value = FieldValue(bytes: line) else {
                throw .upstream("a field of the answer cannot be carried")
            }
            fields.add(token, value)
        }
        switch response.content {
        case .body(let body):
            let clean = try await screened(body, mask)
            await owner.received(body.count)
            await exchange.respond(response.status, fields, body: clean)
        case .events(let events): try await carry(events, fields, exchange, response.status, mask)
        }
    }

    private func carry(
        _ events: EventStream,
        _ fields: FieldBlock,
        _ exchange: Exchange,
        _ status: HTTPStatus,
        _ mask: SecretMask
    ) async throws(BrokerRefusal) {
        guard let reply = await exchange.beginStream(status, fields) else { return }
        do {
            while let event = try await events.next(until: loop.now.advanced(by: Limits.egressIdle))
            {
                let clean = ServerSentEvent(
                    data: try mask.masked(event.data).bytes,
                    type: try event.type.map { try mask.masked($0).bytes },
                    id: try event.id.map { try mask.masked($0).bytes }
                )
                await owner.received(event.data.count)
                guard await reply.send(clean) else { break }
            }
        } catch {
            // What was sent is sent; the stream ends here.
        }
        await events.close()
        await reply.finish()
    }

    private func masked(_ bytes: [UInt8], _ mask: SecretMask) throws(BrokerRefusal) -> [UInt8] {
        do throws(ScreeningFailure) {
            return try mask.masked(bytes).bytes
        } catch { throw .notScreened("\(error)") }
    }

    /// Long bodies are looked through on a thread of the pool.
    private func screened(
        _ body: [UInt8],
        _ mask: SecretMask
    ) async throws(BrokerRefusal) -> [UInt8] {
        guard body.count > Limits.loopScreeningByteCount else { return try masked(body, mask) }
        do {
            return try await pool.run { try mask.masked(body).bytes }
        } catch { throw .notScreened("\(error)") }
    }
}
