import Base
import HTTP

/// One path of the control API, and the command that carries it out.
///
/// docs/openapi.json describes exactly these; a test compares the two.
struct APIRoute: Sendable {
    enum Verb: String, Sendable { case get, post, delete }

    /// What stands between the path and the command.
    enum Gate: Sendable, Equatable {
        /// A session is enough: to look, to answer a question, to stop.
        case session
        /// The passphrase must have been given in the last minutes: it changes who may decide.
        case proof
    }

    let verb: Verb
    /// `/approvals/{ticket}`, below `/api/v1`.
    let path: String
    /// The method of the control socket.
    let command: String
    /// Members of the query that are taken; those in `numbers` are numbers.
    var query: [String] = []
    var numbers: [String] = []
    /// Members of the body that are taken.
    var body: [String] = []
    var gate = Gate.session

    static let prefix = "/api/v1"
    /// Answers a file, so that it has no command of the socket.
    static let export = "audit.export"
    private static let auditParts = [
        "words", "tenant", "kind", "principal", "server", "tool", "call", "since", "until",
    ]

    static let all: [APIRoute] = [
        APIRoute(verb: .get, path: "/status", command: "status"),

        APIRoute(verb: .get, path: "/approvals", command: "approvals.list"),
        APIRoute(verb: .get, path: "/approvals/{ticket}", command: "approvals.show"),
        APIRoute(
            verb: .post,
            path: "/approvals/{ticket}/answer",
            command: "approvals.vote",
            body: ["yes", "revision", "reason", "grant", "break_glass"]
        ),
        APIRoute(
            verb: .post,
            path: "/approvals/{ticket}/edit",
            command: "approvals.edit",
            body: ["arguments", "revision"]
        ),
        APIRoute(
            verb: .post,
            path: "/approvals/{ticket}/preview",
            command: "grants.preview",
            body: ["grant"]
        ),
        APIRoute(verb: .get, path: "/grants", command: "grants.list"),
        APIRoute(verb: .post, path: "/grants/{id}/revoke", command: "grants.revoke"),

        APIRoute(verb: .get, path: "/servers", command: "servers.list"),
        APIRoute(verb: .get, path: "/servers/{server}", command: "servers.show", query: ["tenant"]),
        APIRoute(
            verb: .post,
            path: "/servers/{server}/restart",
            command: "servers.restart",
            body: ["tenant"]
        ),
        APIRoute(
            verb: .post,
            path: "/servers/{server}/kill",
            command: "servers.kill",
            body: ["tenant", "reason"]
        ),
        APIRoute(
            verb: .get,
            path: "/servers/{server}/changes",
            command: "servers.changes",
            query: ["tenant"]
        ),
        APIRoute(
            verb: .post,
            path: "/servers/{server}/changes/commit",
            command: "servers.commit",
            body: ["tenant", "digests"]
        ),
        APIRoute(
            verb: .post,
            path: "/servers/{server}/changes/drop",
            command: "servers.drop",
            body: ["tenant"]
        ),

        APIRoute(verb: .get, path: "/egress", command: "egress.list"),
        APIRoute(
            verb: .post,
            path: "/egress/allow",
            command: "egress.allow",
            body: ["tenant", "server", "host", "once", "milliseconds"]
        ),
        APIRoute(
            verb: .post,
            path: "/egress/refuse",
            command: "egress.refuse",
            body: ["tenant", "server", "host"]
        ),

        APIRoute(verb: .get, path: "/secrets", command: "secrets.list"),
        APIRoute(verb: .post, path: "/secrets/{name}/test", command: "secrets.test"),
        APIRoute(verb: .post, path: "/secrets/{name}/rotate", command: "secrets.rotate"),

        APIRoute(verb: .get, path: "/tools", command: "tools.list"),
        APIRoute(
            verb: .get,
            path: "/servers/{server}/proposals",
            command: "tools.proposals",
            query: ["tenant"]
        ),
        APIRoute(
            verb: .get,
            path: "/servers/{server}/tools/{tool}",
            command: "tools.definition",
            query: ["tenant"]
        ),
        APIRoute(
            verb: .post,
            path: "/servers/{server}/accept",
            command: "tools.approve",
            body: ["tenant", "tools", "pins", "proposals", "instructions", "program"]
        ),
        APIRoute(verb: .post, path: "/tools/refresh", command: "tools.refresh"),

        APIRoute(
            verb: .get,
            path: "/audit",
            command: "audit.search",
            query: auditParts + ["before", "limit"],
            numbers: ["before", "limit"]
        ),
        APIRoute(verb: .get, path: "/audit/records/{number}", command: "audit.record"),
        APIRoute(verb: .get, path: "/audit/export.csv", command: export, query: auditParts),
        APIRoute(verb: .get, path: "/audit/export.jsonl", command: export, query: auditParts),
        APIRoute(verb: .get, path: "/figures", command: "figures"),
        APIRoute(verb: .get, path: "/figures/answers", command: "approvals.stats"),

        APIRoute(verb: .get, path: "/tokens", command: "tokens.list"),
        APIRoute(
            verb: .post,
            path: "/tokens",
            command: "tokens.issue",
            body: [
                "owner", "tenant", "tier", "servers", "tools", "allow_from", "seconds",
                "certificate",
            ],
            gate: .proof
        ),
        APIRoute(
            verb: .post,
            path: "/tokens/revoke",
            command: "tokens.revoke",
            body: ["id", "owner", "tenant"]
        ),
        APIRoute(
            verb: .post,
            path: "/tokens/rotate",
            command: "tokens.rotate",
            body: ["id", "tenant"],
            gate: .proof
        ),

        APIRoute(verb: .get, path: "/approvers", command: "approvers.list"),
        APIRoute(
            verb: .post,
            path: "/approvers",
            command: "approvers.add",
            body: ["name", "passphrase", "roles", "tenants"],
            gate: .proof
        ),
        APIRoute(
            verb: .delete,
            path: "/approvers/{name}",
            command: "approvers.remove",
            gate: .proof
        ),

        APIRoute(verb: .get, path: "/emergencies", command: "breakglass.list"),
        APIRoute(
            verb: .post,
            path: "/emergencies",
            command: "breakglass.open",
            body: ["tenant", "reason", "seconds"],
            gate: .proof
        ),
        APIRoute(verb: .post, path: "/emergencies/{id}/close", command: "breakglass.close"),
        APIRoute(
            verb: .post,
            path: "/emergencies/{id}/review",
            command: "breakglass.review",
            body: ["comment"]
        ),

        APIRoute(verb: .get, path: "/lockdowns", command: "lockdown.list"),
        APIRoute(
            verb: .post,
            path: "/lockdowns",
            command: "lockdown.set",
            body: ["target", "reason"]
        ),
        APIRoute(
            verb: .post,
            path: "/lockdowns/lift",
            command: "lockdown.lift",
            body: ["target"],
            gate: .proof
        ),

        APIRoute(verb: .get, path: "/policy", command: "policy.list"),
        APIRoute(
            verb: .post,
            path: "/policy/explain",
            command: "policy.explain",
            body: ["tool", "arguments", "token", "owner", "tenant"]
        ),

        APIRoute(verb: .get, path: "/configuration/pending", command: "configuration.pending"),
        APIRoute(
            verb: .post,
            path: "/configuration/accept",
            command: "configuration.accept",
            body: ["digest"],
            gate: .proof
        ),
    ]

    /// The route of a path below the prefix, with the texts that stand for its names; nil for none.
    static func find(
        _ verb: Verb,
        _ path: [String]
    ) -> (route: APIRoute, names: [(String, String)])? {
        for route in all where route.verb == verb {
            if let names = route.match(path) { return (route, names) }
        }
        return nil
    }

    static func knows(_ path: [String]) -> Bool { all.contains { $0.match(path) != nil } }

    private func match(_ parts: [String]) -> [(String, String)]? {
        let wanted = path.split(separator: "/")
        guard wanted.count == parts.count else { return nil }
        var names: [(String, String)] = []
        for (pattern, part) in zip(wanted, parts) {
            if pattern.first == "{" {
                names.append((String(pattern.dropFirst().dropLast()), part))
            } else if pattern != part {
                return nil
            }
        }
        return names
    }
}
