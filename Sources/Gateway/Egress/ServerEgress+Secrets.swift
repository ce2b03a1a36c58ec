import Audit
import Base
import Crypto
import Egress
import HTTP
import Screening
import System

// Connections that a secret is bound to, or whose requests are held to methods and paths: their TLS
// ends here.

extension ServerEgress {
    /// What ends the TLS of connections to this place; nil where no secret is bound to it and every
    /// request is taken.
    func interception(of admission: Admission) throws(EgressRefusal) -> Interception? {
        let allowed = admission.pinned.allowed
        let target = allowed.target
        let uses = broker?.uses(at: target) ?? []
        guard !uses.isEmpty || allowed.limitsRequests else { return nil }
        guard let broker, let start = broker.start, case .name(let spelling) = target.host,
            let name = DomainName(spelling)?.text
        else { throw .unreachable(target, reason: "its requests cannot be looked at") }
        do {
            let url = try HTTPURL(parsing: "https://\(name):\(target.port)/")
            let client = HTTPClient(
                to: url.origin,
                on: loop,
                by: PinnedRoute(pinned: admission.pinned, decision: parts.decision),
                tls: try context(for: uses, allowed.rule),
                budget: parts.budget
            )
            let handler = BrokerHandler(
                owner: self,
                allowed: allowed,
                uses: uses,
                start: start,
                shelf: broker.shelf,
                client: client,
                loop: loop,
                pool: parts.pool,
                clock: parts.clock
            )
            var limits = HTTPServerLimits()
            limits.requestByteCount = Limits.resultByteCount
            let server = HTTPServer(
                on: loop,
                handler: handler,
                budget: parts.budget,
                clock: parts.clock,
                limits: limits
            )
            let shown = try start.context(for: name, at: parts.clock.timestamp)
            return Interception(server: server, client: client, tls: ServerTLS(shown))
        } catch {
            throw .unreachable(target, reason: "its TLS cannot be ended here: \(error)")
        }
    }

    /// Loading certificates takes milliseconds: one context serves all that trust the same.
    private func context(
        for uses: [SecretBroker.Use],
        _ rule: EgressRule
    ) throws -> TLSContext {
        let file =
            uses.compactMap(\.certificateAuthority).first ?? settings.authorities[rule.description]
        let trust: TLSTrust =
            file
            .map { .authorities(file: Paths.join(folder, $0)) } ?? .systemRoots
        if let known = contexts[trust] { return known }
        let made = try TLSContext(client: trust)
        contexts[trust] = made
        return made
    }

    /// Records that a secret goes out, before it does; false when that cannot be recorded.
    func used(_ binding: SecretBinding, at target: EgressTarget, method: String) async -> Bool {
        tally.usedCount &+= 1
        let fields = [
            RecordField("change", "used"), RecordField("method", method),
            RecordField("place", printable(binding.place.description)),
            RecordField("secret", binding.secret), RecordField("target", target.description),
        ]
        return (try? await parts.store.commit(record(fields, .secretUse))) != nil
    }

    /// A request to a host with a secret was not carried; a canary is an alarm.
    func refused(_ refusal: BrokerRefusal, _ target: EgressTarget) {
        tally.refused(refusal.code)
        guard mayTell(of: refusal) else { return }
        var fields = [
            RecordField("change", "refused"), RecordField("reason", printable(refusal.text)),
            RecordField("refusal", refusal.code), RecordField("target", target.description),
        ]
        var word = "request"
        if case .canary(let secrets, let place) = refusal {
            fields[0] = RecordField("change", "misplaced")
            fields += [
                RecordField("place", printable(place)),
                RecordField("secret", secrets.sorted().joined(separator: " ")),
            ]
            word = "ALARM: a secret's placeholder was carried away: request"
        }
        // What has nothing to do with a secret is a refused connection's kind of thing.
        let kind: RecordKind = if case .notAllowed = refusal { .egress } else { .secretUse }
        parts.store.note(record(fields, kind))
        parts.log("server \(key.server): \(word) to \(target) refused: \(printable(refusal.text))")
    }

    /// Whether one more is recorded: requests inside one connection come as fast as a server writes
    /// them.
    private func mayTell(of refusal: BrokerRefusal) -> Bool {
        if case .canary = refusal { return alarms.admits(at: loop.now) }
        if budget.begin(nil, at: loop.now) == nil {
            budget.end()
            return true
        }
        return floods.admits(at: loop.now)
    }

    /// Whether these bytes hold a placeholder of this server's, which nobody else may see.
    func holdsCanary(_ bytes: [UInt8], for target: EgressTarget) -> Bool {
        guard let start = broker?.start else { return false }
        let found = try? start.canaries.names(in: bytes)
        guard found?.isEmpty ?? false else {
            refused(.canary(found ?? [], place: "unencrypted request"), target)
            return true
        }
        return false
    }
}
