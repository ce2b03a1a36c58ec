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
    /// What was accepted before, where the gateway runs under nothing instead: its programs are known.
    var replaced: PolicySet?

    /// Of the whole of it, so that an approver accepts what was shown.
    var digest: Digest { OpenSSLHashing().sha256(set.acceptedText) }
}

extension Gateway {
    /// Reads the configuration again: all of it is taken over, or nothing; never a looser one.
    ///
    /// Whoever asks while that is under way gets one more after it, together: what was read by then may
    /// not be what lies on the disk now.
    package func reload() async {
        switch reloads.ask() {
        case .begin: break
        case .follows(isFirst: true):
            parts.log(
                "asked to reload while a reload is under way: one more follows it, however often it "
                    + "is asked for until then"
            )
            return
        case .follows(isFirst: false): return
        }
        repeat { await reloadOnce() } while reloads.endedOne() && !isStopping
    }

    private func reloadOnce() async {
        reloadCertificates()
        reloadConsoleCertificates()
        do {
            try await inTurn { try await reloadNow() }
            reloadFailure = nil
            lookAtRetention()
            requestRefreshes()
        } catch {
            reloadFailure = "\(error)"
            parts.log("not reloaded: \(error)")
        }
    }

    private func reloadNow() async throws {
        let set = try ConfigurationFiles.read(
            current.configuration.file,
            trust: trust,
            hashing: OpenSSLHashing()
        )
        try set.checkSerial(after: lastSignature)
        let loosens = set.loosens(current)
        guard loosens.isEmpty else {
            pending = PendingConfiguration(
                set: set,
                loosens: loosens,
                replaced: pending?.replaced
            )
            parts.log("not reloaded, it loosens: \(loosens.joined(separator: "; "))")
            return
        }
        try await adopt(set, by: "reload")
        // What waited was another state of the same files.
        pending = nil
        parts.log("reloaded \(set.configuration.file)")
    }

    /// Takes over what waits, because an approver said so.
    ///
    /// `digest` is of what the approver was shown: a yes covers nothing else.
    func acceptPending(_ digest: String, for call: ControlCall) async throws -> [String] {
        let lines = try await inTurn(changes, for: call) {
            guard let waiting = pending else {
                throw ControlError(.refused, "no looser configuration waits")
            }
            try waiting.set.checkSerial(after: lastSignature)
            let lines = waiting.set.loosens(current)
            guard waiting.digest.description == digest,
                lines.allSatisfy({ waiting.loosens.contains($0) })
            else {
                pending = PendingConfiguration(
                    set: waiting.set,
                    loosens: lines,
                    replaced: waiting.replaced
                )
                throw ControlError(
                    .refused,
                    "another configuration waits than the one that was shown",
                    hint: "run `gatehouse check --accept` again and look"
                )
            }
            let known = (waiting.replaced ?? current).configuration.allServers
            let others = waiting.set.configuration.allServers.filter { server in
                !known.contains { $0.isStarted(like: server) }
            }
            try await adopt(waiting.set, by: call.actor, forgettingProgramsOf: others)
            pending = nil
            return lines
        }
        lookAtRetention()
        await refreshAll()
        return lines
    }

    /// Makes a configuration the accepted one, with its digest in the log; `others` are servers that
    /// execute another command under it.
    func keep(
        _ set: PolicySet,
        by name: String,
        forgettingProgramsOf others: [Configuration.Server] = []
    ) async throws {
        let text = set.acceptedText
        let digest = OpenSSLHashing().sha256(text)
        // Every row is sealed: a client's file may hold secrets as plain values.
        var changes = [
            StateChange.put(StartingConfiguration.key, value: text, expecting: .anything)
        ]
        changes += forgettingPrograms(of: others)
        var serial: [RecordField] = []
        if let trust, let signature = set.signature {
            changes.append(signature.keeping(under: trust))
            serial.append(RecordField("serial", .integer(Int64(signature.serial))))
        }
        _ = try await store.commit(
            Transaction(
                records: [
                    AuditRecord(
                        .configuration,
                        at: parts.clock.timestamp,
                        tenant: .main,
                        environment: set.configuration.environment,
                        detail: .fields(
                            [
                                RecordField("by", name),
                                RecordField("change", "accepted"),
                                RecordField("digest", .digest(digest)),
                            ] + serial
                        )
                    )
                ],
                changes: changes
            )
        )
        lastSignature = set.signature ?? lastSignature
    }
}

extension Configuration.Server {
    /// Whether both execute the same command.
    fileprivate func isStarted(like other: Configuration.Server) -> Bool {
        guard name == other.name, tenant == other.tenant, case .stdio(let own) = kind,
            case .stdio(let its) = other.kind
        else { return false }
        return own.command == its.command
    }
}

extension PolicySet {
    /// What the state keeps of an accepted configuration.
    var acceptedText: [UInt8] {
        var object = JSONObject()
        if let signed {
            object["signed"] = signed.value
        } else {
            object["configuration"] = JSONValue(
                String(decoding: configuration.source.document.bytes, as: UTF8.self)
            )
            object["lock"] = JSONValue(lock.text)
        }
        return JSONValue.object(object).serialised()
    }

    /// What this lets through that `accepted` does not; a change nobody can rank counts.
    func loosens(_ accepted: PolicySet) -> [String] {
        let (new, old) = (configuration, accepted.configuration)
        var lines = policy.loosenings(from: accepted.policy).map(\.description)
        if new.environment != old.environment { lines.append("the environment changed") }
        if new.listen != old.listen { lines.append("`listen` changed") }
        if new.console != old.console { lines.append("`console` changed") }
        if new.audit != old.audit { lines.append("`audit` changed") }
        if new.secrets != old.secrets { lines.append("`secrets` changed") }
        if new.approvals.allowsSelf, !old.approvals.allowsSelf {
            lines.append("`self_approval` is new")
        }
        if new.approvals.review > old.approvals.review { lines.append("`review` is longer") }
        if new.approvals.expiry > old.approvals.expiry { lines.append("`expiry` is longer") }
        let known = old.hostingByTenant
        for (tenant, hosting) in new.hostingByTenant {
            for key in hosting.loosenings(from: known[tenant] ?? Configuration.Hosting()) {
                lines.append("tenant \(tenant): `\(key)` is higher, or gone")
            }
        }
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
