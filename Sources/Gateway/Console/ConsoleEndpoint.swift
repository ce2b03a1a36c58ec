import Base
import HTTP
import JSON
import System

/// Serves the console's pages and the control API to people.
///
/// The checks come in this order: host, origin, session, token, proof. Whatever fails one learns
/// nothing of what lies behind it.
struct ConsoleEndpoint: HTTPHandler {
    let console: Console
    let pages: ConsolePages
    let hosts: AllowedHosts
    let isTLS: Bool

    func handle(_ exchange: Exchange) async {
        let head = exchange.head
        // Our own origin is what the Host says, which is checked: no list of origins is needed.
        if let refusal = hosts.refusal(ofHost: head) {
            let error = APIError(refusal.status, .foreign, refusal.message)
            return await ConsoleReply.send(error, to: exchange, isTLS: isTLS)
        }
        do throws(APIError) {
            if head.path.starts(with: "/api/".utf8) {
                try await api(exchange)
            } else {
                try await page(exchange)
            }
        } catch {
            await ConsoleReply.send(error, to: exchange, isTLS: isTLS)
        }
    }

    private func page(_ exchange: Exchange) async throws(APIError) {
        let head = exchange.head
        guard let page = pages[String(decoding: head.path, as: UTF8.self)] else {
            throw APIError(.notFound, .missing, "no such page")
        }
        guard head.method == .get || head.method == .head else {
            throw APIError(.methodNotAllowed, .usage, "use GET")
        }
        await pages.send(page, to: exchange, isTLS: isTLS)
    }

    // MARK: The API

    private func api(_ exchange: Exchange) async throws(APIError) {
        let head = exchange.head
        guard isOwn(head) else { throw Console.foreign }
        let parts = try APIRequest.parts(of: head.path)
        if parts == ["session"], head.method == .post { return try await logIn(exchange) }
        // What a page sends by itself is no sign of a person.
        let isUse = head["gatehouse-background"] == nil
        let (id, session) = try await console.session(
            cookies: cookies(of: head),
            token: head["gatehouse-token"].map { String(decoding: $0, as: UTF8.self) },
            isUse: isUse
        )
        switch (parts, head.method) {
        case (["session"], .get):
            await answer(exchange, await console.description(session))
        case (["session"], .delete):
            await console.logOut(id)
            await ConsoleReply.send(
                json: JSONValue.done,
                to: exchange,
                isTLS: isTLS,
                cookie: cookie("", lifetime: 0)
            )
        case (["session", "proof"], .post):
            let body = try APIRequest.object(exchange.body, head)
            let passphrase = try Self.text("passphrase", in: body)
            let proven = try await console.prove(id, passphrase: passphrase, from: exchange.peer)
            await answer(exchange, proven)
        case (["events"], .get):
            let wanted = try APIRequest.members(of: head.query)
            guard wanted.allSatisfy({ $0 == ("calls", "1") }) else {
                throw APIError(.badRequest, .usage, "this path takes `calls=1` and nothing else")
            }
            let fields = ConsoleReply.fields(isTLS: isTLS)
            let wantsCalls = !wanted.isEmpty
            await console.feed.serve(
                exchange,
                id,
                console,
                fields,
                tenants: session.approver.person.tenants,
                wantsCalls: wantsCalls
            )
        default:
            let request = try APIRequest(head, body: exchange.body)
            guard request.route.command == APIRoute.export else {
                return await answer(exchange, try await console.perform(request, session))
            }
            let isCSV = request.route.path.hasSuffix("csv")
            let file = try await console.export(request, session, asCSV: isCSV)
            var fields = ConsoleReply.fields(isTLS: isTLS)
            fields.add(.contentType, isCSV ? "text/csv; charset=utf-8" : "application/jsonl")
            fields.add(.cacheControl, literal: "no-store")
            fields.add(
                "content-disposition",
                isCSV
                    ? "attachment; filename=\"audit.csv\""
                    : "attachment; filename=\"audit.jsonl\""
            )
            await exchange.respond(.ok, fields, body: file)
        }
    }

    private func answer(_ exchange: Exchange, _ body: [UInt8]) async {
        await ConsoleReply.send(json: body, to: exchange, isTLS: isTLS)
    }

    private func logIn(_ exchange: Exchange) async throws(APIError) {
        let body = try APIRequest.object(exchange.body, exchange.head)
        let name = String(decoding: try Self.text("name", in: body), as: UTF8.self)
        let opened = try await console.logIn(
            name: name,
            passphrase: try Self.text("passphrase", in: body),
            from: exchange.peer,
            replacing: cookies(of: exchange.head)
        )
        await ConsoleReply.send(
            json: opened.body,
            to: exchange,
            isTLS: isTLS,
            cookie: cookie(opened.secrets.cookie, lifetime: nil)
        )
    }

    private static func text(_ key: StaticString, in body: JSONNode) throws(APIError) -> [UInt8] {
        guard let text = body[key]?.utf8, (1...1024).contains(text.count) else {
            throw APIError(.badRequest, .usage, "`\(key)` is missing")
        }
        return text
    }

    // MARK: What the browser says of itself

    /// Whether the request comes from our own page, as far as the browser says.
    ///
    /// Programs say nothing; for them, and beside this, the token counts.
    private func isOwn(_ head: RequestHead) -> Bool {
        if let site = head["sec-fetch-site"], !site.elementsEqual("same-origin".utf8) {
            return false
        }
        guard let origin = head[.origin] else { return true }
        guard !head.isRepeated(.origin), let host = head[.host] else { return false }
        let own = (isTLS ? "https://" : "http://").utf8 + Array(host)
        return origin.elementsEqual(own)
    }

    /// `__Host-`: set by this host itself, over TLS, for every path; no subdomain can set it.
    private var cookieName: String { isTLS ? "__Host-gatehouse" : "gatehouse" }

    private func cookie(_ value: String, lifetime: Int?) -> FieldValue? {
        let age = lifetime.map { "; Max-Age=\($0)" } ?? ""
        let secure = isTLS ? "; Secure" : ""
        return FieldValue(
            "\(cookieName)=\(value); Path=/; HttpOnly; SameSite=Strict\(secure)\(age)"
        )
    }

    /// Every cookie of our name: another page of the same host may have set one beside ours.
    private func cookies(of head: RequestHead) -> [String] {
        let name = Array((cookieName + "=").utf8)
        var found: [String] = []
        for part in head.fields.joined("cookie").split(whereSeparator: { $0 == 0x3b || $0 == 0x2c })
        {
            let pair = part.drop { $0 == 0x20 }
            if pair.starts(with: name), found.count < 4 {
                found.append(String(decoding: pair.dropFirst(name.count), as: UTF8.self))
            }
        }
        return found
    }
}
