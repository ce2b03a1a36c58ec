import Base
import Egress
import HTTP
import Screening
import System

/// Why a request was not carried to a host whose TLS the gateway ends.
enum BrokerRefusal: Error, Sendable {
    /// The Host field is not the host the connection is for.
    case otherHost
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
        case .upgrade, .method, .canary: .forbidden
        case .notCarried: .notImplemented
        case .noValue, .upstream, .notScreened: .badGateway
        }
    }

    var code: String {
        switch self {
        case .otherHost: "other-host"
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
        case .otherHost: "the Host field must name the host the connection was made to"
        case .upgrade: "upgrades are not carried where a secret is used"
        case .method(let method, let secret): "secret `\(secret)` may not be used with \(method)"
        case .notCarried(let what): "\(what) is not carried where a secret is used"
        case .canary(_, let place): "a placeholder stands in the \(place), where it may not be used"
        case .noValue(let secret): "secret `\(secret)` has no value now"
        case .upstream(let reason): "the host did not answer: \(reason)"
        case .notScreened(let reason): "the answer could not be looked through: \(reason)"
        }
    }
}

/// Answers the requests of one connection: reads each, decides on it by itself, writes it anew, and
/// takes the values out of what comes back.
struct BrokerHandler: HTTPHandler {
    let owner: ServerEgress
    let target: EgressTarget
    let uses: [SecretBroker.Use]
    let start: SecretBroker.Start
    let shelf: SecretShelf
    let client: HTTPClient
    let loop: EventLoop
    let pool: BlockingPool
    let clock: any Clock

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
        let (fields, used) = try rewritten(head, method)
        try check(Array(head.target), "address")
        try check(exchange.body, "body")
        let request = ClientRequest(
            head.method,
            head.target.text,
            fields,
            body: exchange.body,
            deadline: loop.now.advanced(by: Limits.egressAnswer)
        )
        for secret in used.sorted() {
            guard await owner.used(secret, at: target, method: method) else {
                throw .upstream("the use could not be recorded")
            }
        }
        guard await owner.sent(head.consumedCount + exchange.body.count) else {
            throw .upstream("the budget of bytes is spent")
        }
        let response: ClientResponse
        do throws(HTTPClientError) {
            response = try await client.send(request)
        } catch { throw .upstream("\(error)") }
        try await answer(exchange, response)
    }

    private func checkHost(_ head: RequestHead) throws(BrokerRefusal) {
        guard let value = head[.host], let (text, port) = EgressTarget.split(value),
            let host = try? WebHost(parsing: text), port ?? 443 == target.port,
            DomainName(host.description) == DomainName(target.host.description)
        else { throw .otherHost }
    }

    // MARK: The request

    /// What belongs to the connection with us, and what we write ourselves.
    private static let ownFields: Set<String> = [
        "host", "connection", "proxy-connection", "keep-alive", "proxy-authorization", "te",
        "trailer", "transfer-encoding", "content-length", "expect", "accept-encoding", "upgrade",
    ]

    private func rewritten(
        _ head: RequestHead,
        _ method: String
    ) throws(BrokerRefusal) -> (FieldBlock, used: Set<String>) {
        var fields = FieldBlock()
        // What comes back is looked through, so it must not be packed.
        fields.add("accept-encoding", literal: "identity")
        var used: Set<String> = []
        for (name, value) in head.fields {
            let lower = name.text.lowercased()
            guard !Self.ownFields.contains(lower), let token = FieldToken(lower) else { continue }
            var bytes = Array(value)
            if let use = uses.first(where: { isFilled($0, lower, value) }) {
                let secret = use.binding.secret
                guard use.binding.permits(method: method) else {
                    throw .method(method, secret: secret)
                }
                guard let real = shelf[secret] else { throw .noValue(secret) }
                bytes = use.binding.template.filled(with: real)
                used.insert(secret)
            } else {
                try check(Array(name) + [0x3a] + bytes, "header `\(lower)`")
            }
            guard let value = FieldValue(bytes: bytes) else { throw .notCarried("a field's value") }
            fields.add(token, value)
        }
        return (fields, used)
    }

    private func isFilled(
        _ use: SecretBroker.Use,
        _ name: String,
        _ value: ArraySlice<UInt8>
    ) -> Bool {
        guard use.binding.header == name,
            let placeholder = start.placeholders[use.binding.secret]
        else { return false }
        return use.binding.template.isFilled(value, with: placeholder.bytes)
    }

    private func check(_ bytes: [UInt8], _ place: String) throws(BrokerRefusal) {
        let found: Set<String>
        do throws(ScreeningFailure) {
            found = try start.canaries.names(in: bytes)
        } catch { throw .notScreened("\(error)") }
        guard found.isEmpty else { throw .canary(found, place: place) }
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

/// Gives the addresses that were decided on, and nothing else.
struct PinnedResolver: Resolver {
    let addresses: [IPAddress]

    func resolve(_ name: String) async throws(ResolveError) -> [IPAddress] { addresses }
}
