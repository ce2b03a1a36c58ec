import Storage
import Audit
import Base
import Crypto
import JSON
import Policy

/// A configuration that was found on disk and is looser than the accepted one.
struct PendingConfiguration: Sendable {
    let set: PolicySet
    /// What it would loosen, one line each.
    let loosens: [String]
}

extension Gateway {
    private static let acceptedContext = Array("accepted configuration".utf8)

    private var acceptedKey: StateKey { StateKey(.main, .settings, "accepted") }

    /// Reads the configuration again: all of it is taken over, or nothing; never a looser one.
    package func reload() async {
        do {
            let set = try ConfigurationFiles.read(
                current.configuration.file,
                hashing: OpenSSLHashing()
            )
            let loosens = set.loosens(current)
            guard loosens.isEmpty else {
                pending = PendingConfiguration(set: set, loosens: loosens)
                parts.log("not reloaded, it loosens: \(loosens.joined(separator: "; "))")
                return
            }
            try await take(set, by: "reload")
            parts.log("reloaded \(set.configuration.file)")
        } catch {
            parts.log("not reloaded: \(error)")
        }
    }

    /// What a start runs under: the configuration found, unless it is looser.
    ///
    /// Then it is the last accepted one; the very first start accepts what it finds.
    func startingSet() async throws -> PolicySet {
        let found = current
        guard let entry = try await store.entry(acceptedKey) else {
            try await keep(found, by: "first start")
            return found
        }
        let root = try JSONDocument(
            parsing: try sealing.open(entry.value, context: Self.acceptedContext),
            limits: JSONLimits(byteCount: Limits.stateValueByteCount)
        ).root
        let accepted = try PolicySet(
            Configuration(
                SourceText(
                    file: found.configuration.file,
                    bytes: root["configuration"]?.utf8 ?? []
                )
            ),
            lock: LockFile(
                SourceText(file: "gatehouse.lock", bytes: root["lock"]?.utf8 ?? [])
            ),
            hashing: OpenSSLHashing()
        )
        let loosens = found.loosens(accepted)
        guard loosens.isEmpty else {
            pending = PendingConfiguration(set: found, loosens: loosens)
            parts.log(
                "running under the last accepted configuration; the one found loosens: "
                    + loosens.joined(separator: "; ")
                    + " (an approver accepts it with `gatehouse check --accept`)"
            )
            return accepted
        }
        if found.acceptedText != accepted.acceptedText { try await keep(found, by: "start") }
        return found
    }

    /// Takes over what waits, because an approver said so.
    func acceptPending(by name: String) async throws -> [String] {
        guard let waiting = pending else {
            throw ControlError(.refused, "no looser configuration waits")
        }
        pending = nil
        try await take(waiting.set, by: name)
        return waiting.loosens
    }

    private func take(_ set: PolicySet, by name: String) async throws {
        try await keep(set, by: name)
        try await adopt(set)
        await refreshAll()
    }

    /// Makes a configuration the accepted one, with its digest in the log.
    func keep(_ set: PolicySet, by name: String) async throws {
        let text = set.acceptedText
        let digest = OpenSSLHashing().sha256(text)
        _ = try await store.commit(
            Transaction(
                records: [
                    AuditRecord(
                        .configuration,
                        at: parts.clock.timestamp,
                        tenant: .main,
                        environment: set.configuration.environment,
                        detail: .fields([
                            RecordField("by", name),
                            RecordField("change", "accepted"),
                            RecordField("digest", .digest(digest)),
                        ])
                    )
                ],
                changes: [
                    // Sealed: a client's file may hold secrets as plain values.
                    .put(
                        acceptedKey,
                        value: try sealing.seal(
                            text,
                            context: Self.acceptedContext,
                            random: parts.random
                        ),
                        expecting: .anything
                    )
                ]
            )
        )
    }
}

extension PolicySet {
    /// What the state keeps of an accepted configuration.
    var acceptedText: [UInt8] {
        var object = JSONObject()
        object["configuration"] = JSONValue(
            String(decoding: configuration.source.document.bytes, as: UTF8.self)
        )
        object["lock"] = JSONValue(lock.text)
        return JSONValue.object(object).serialised()
    }

    /// What this lets through that `accepted` does not; a change nobody can rank counts.
    func loosens(_ accepted: PolicySet) -> [String] {
        let (new, old) = (configuration, accepted.configuration)
        var lines = policy.loosenings(from: accepted.policy).map(\.description)
        if new.environment != old.environment { lines.append("the environment changed") }
        if new.listen != old.listen { lines.append("`listen` changed") }
        if new.secrets != old.secrets { lines.append("`secrets` changed") }
        if new.approvals.allowsSelf, !old.approvals.allowsSelf {
            lines.append("`self_approval` is new")
        }
        if new.approvals.expiry > old.approvals.expiry { lines.append("`expiry` is longer") }
        for server in new.allServers
        where !old.allServers.contains(where: { $0 == server }) {
            lines.append("server `\(server.name)` is new or changed")
        }
        for (tenant, entry) in lock.tenants {
            for (server, pins) in entry.servers {
                let known = accepted.lock.pins(of: server, tenant)
                if pins.instructions != known.instructions, pins.instructions != nil {
                    lines.append("instructions of `\(server)` are accepted anew")
                }
                for (tool, pin) in pins.tools where known.tools[tool] != pin {
                    lines.append("tool `\(server).\(tool)` is accepted anew")
                }
            }
        }
        return lines.sorted()
    }
}
