import Base
import HTTP
import System

/// Answers whoever operates the gateway: `/healthz`, `/readyz` and `/metrics`.
///
/// There is no credential here, because probes and scrapers have none: nothing that is answered
/// holds a secret, an argument, a tool's or an owner's name. Nobody can change anything here.
struct ControlEndpoint: HTTPHandler {
    let hosts: AllowedHosts
    /// Who may ask; nil for everybody who reaches a loopback address.
    let sources: [AddressRange]?
    let readiness: @Sendable () async -> Readiness
    let metrics: @Sendable () async -> [UInt8]

    func handle(_ exchange: Exchange) async {
        let head = exchange.head
        guard isAdmitted(exchange.peer) else {
            return await answer(exchange, .forbidden, "this address may not ask\n")
        }
        // A page in a browser on this machine may not ask either.
        if let refusal = hosts.refusal(of: head) {
            return await answer(exchange, refusal.status, refusal.message + "\n")
        }
        guard head.method == .get || head.method == .head else {
            return await answer(exchange, .methodNotAllowed, "use GET\n", allow: "GET, HEAD")
        }
        switch String(decoding: head.path, as: UTF8.self) {
        case "/healthz": await answer(exchange, .ok, "ok\n")
        case "/readyz":
            let ready = await readiness()
            await answer(exchange, ready.isReady ? .ok : .serviceUnavailable, ready.text)
        case "/metrics": await answer(exchange, .ok, await metrics(), MetricsText.mediaType)
        default:
            await answer(exchange, .notFound, "no such path; /healthz, /readyz, /metrics\n")
        }
    }

    private func isAdmitted(_ peer: SocketAddress) -> Bool {
        guard let sources else { return true }
        guard case .ip(let address, _) = peer else { return false }
        return address.isLoopback || sources.contains { $0.contains(address.unmapped) }
    }

    private func answer(
        _ exchange: Exchange,
        _ status: HTTPStatus,
        _ text: String,
        allow: FieldValue? = nil
    ) async {
        let plain: StaticString = "text/plain; charset=utf-8"
        await answer(exchange, status, Array(text.utf8), plain, allow: allow)
    }

    private func answer(
        _ exchange: Exchange,
        _ status: HTTPStatus,
        _ body: [UInt8],
        _ type: StaticString,
        allow: FieldValue? = nil
    ) async {
        var fields = FieldBlock()
        fields.add(.contentType, literal: type)
        fields.add(.cacheControl, literal: "no-store")
        if let allow { fields.add(.allow, allow) }
        await exchange.respond(status, fields, body: body)
    }
}

/// Whether the gateway takes calls, and what an operator should know either way.
struct Readiness: Sendable {
    /// What keeps it from taking calls, one line each.
    var reasons: [String] = []
    /// What it says though it takes calls.
    var notes: [String] = []

    var isReady: Bool { reasons.isEmpty }

    var text: String {
        let lines = [isReady ? "ready" : "not ready"] + reasons + notes
        return lines.map { printable($0, limit: 400) + "\n" }.joined()
    }
}
