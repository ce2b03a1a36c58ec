import Audit
import Base
import Crypto
import Policy
import Storage

// What hosted servers turn out to be: the program of each new process is looked at before a call goes
// to it.

extension Gateway {
    /// Takes what the program of a new process is; returns why no call may go to it, or nil.
    func judge(
        _ program: ProgramFinding,
        of key: ServerKey,
        _ taker: TenantRoom.Taker?
    ) async -> String? {
        let (refusal, isNew) = await programTurns.take { () async -> (String?, Bool) in
            // Asked in its turn: what was replaced meanwhile says nothing of what took its place, not
            // even where nothing is accepted of that yet.
            guard await !fleet.isLeaving(.init(tenant: key.tenant, server: key.server), taker)
            else {
                return ("another one takes its place", false)
            }
            let standing = await standing(of: program, key)
            let isNew = programs[key] != standing
            programs[key] = standing
            return (standing.refusal, isNew)
        }
        if isNew, descriptions[key] != nil { await rebuild(key) }
        return refusal
    }

    /// The servers with a tool at T3, which need a stronger cage or a written minimum.
    func executingServers() -> Set<ServerFleet.Key> {
        let tenants = [TenantID.main] + current.configuration.tenants.keys
        return tenants.reduce(into: []) { found, tenant in
            for server in current.policy.executingServers(of: tenant) {
                found.insert(ServerFleet.Key(tenant: tenant, server: server))
            }
        }
    }

    // MARK: The program

    /// Where the accepted launch identity of a server stands: in the state, not in the lock, because
    /// a lock is shared between machines and paths and interpreters are not.
    private func programKey(_ key: ServerKey) -> StateKey {
        StateKey(key.tenant, .pins, "program/\(key.server)")
    }

    /// Compares with what was accepted; what is found first on this machine is accepted and recorded.
    private func standing(
        of program: ProgramFinding,
        _ key: ServerKey
    ) async -> ProgramStanding {
        let digest: Digest
        switch program {
        case .unreadable(let reason): return .unidentified(reason)
        case .found(let found): digest = found
        }
        do {
            guard let entry = try await store.entry(programKey(key)) else {
                try await accept(digest, of: key, change: "program-first-seen", by: nil)
                return .accepted(digest)
            }
            guard let accepted = Digest(bytes: entry.value) else {
                return .unidentified("what was accepted is damaged in the state")
            }
            guard accepted != digest else { return .accepted(digest) }
            let standing = ProgramStanding.changed(from: accepted, to: digest)
            if programs[key] != standing {
                parts.log("server \(key.server): \(standing.refusal ?? "")")
                let fields = [
                    RecordField("accepted", .digest(accepted)),
                    RecordField("change", "program-changed"),
                    RecordField("program", .digest(digest)),
                ]
                _ = try await store.commit(serverRecord(key, fields))
            }
            return standing
        } catch {
            return .unidentified("the state cannot be read or written: \(error)")
        }
    }

    /// Makes a program the accepted one of its server.
    func accept(
        _ digest: Digest,
        of key: ServerKey,
        change: String,
        by name: String?
    ) async throws {
        var fields = [RecordField("change", change), RecordField("program", .digest(digest))]
        if let name { fields.append(RecordField("by", name)) }
        _ = try await store.commit(
            Transaction(
                records: [serverRecord(key, fields)],
                changes: [.put(programKey(key), value: digest.bytes, expecting: .anything)]
            )
        )
    }

    /// Forgets the program of servers whose command an approver accepts: the next start shows which
    /// it is.
    ///
    /// For the transaction that accepts the command.
    func forgettingPrograms(of servers: [Configuration.Server]) -> [StateChange] {
        servers.map { server in
            let key = ServerKey(tenant: server.tenant, server: server.name)
            return .delete(programKey(key), expecting: .anything)
        }
    }

    // MARK: Records

    func serverRecord(_ key: ServerKey, _ fields: [RecordField]) -> AuditRecord {
        AuditRecord(
            .server,
            at: parts.clock.timestamp,
            tenant: key.tenant,
            environment: current.configuration.environment,
            server: key.server,
            detail: .fields(fields)
        )
    }

    /// Records what became of a server's process; one that cannot be recorded stops nothing, because
    /// no call goes anywhere without an intent of its own.
    func record(
        _ report: Supervision.Report,
        of key: ServerKey,
        _ facts: ServerFacts
    ) async {
        watchForLoops(report, of: key)
        var fields: [RecordField]
        switch report {
        case .started:
            fields = [RecordField("change", "started")]
            if let server = server(key), case .stdio(let stdio) = server.kind {
                fields.append(RecordField("cage", stdio.cage.isNone ? "none" : "bubblewrap"))
                fields.append(
                    RecordField("network", stdio.cage.network.word)
                )
            }
        // What is left is no other state of it: its end is recorded when it comes.
        case .ready, .left: return
        case .crashed(let reason, let pause):
            fields = [RecordField("change", "crashed"), Self.reason(reason)]
            fields.append(RecordField("restartsInMilliseconds", .integer(pause.milliseconds)))
        case .circuitOpened(let reason, let rest):
            fields = [RecordField("change", "resting"), Self.reason(reason)]
            fields.append(RecordField("restsForMilliseconds", .integer(rest.milliseconds)))
        case .fellAsleep: fields = [RecordField("change", "asleep")]
        case .leftAsleep(let reason):
            fields = [RecordField("change", "asleep"), Self.reason(reason)]
        case .refused(let reason): fields = [RecordField("change", "refused"), Self.reason(reason)]
        case .ended: fields = [RecordField("change", "ended")]
        }
        await store.noteDurably(serverRecord(key, fields))
    }

    /// Raises the alarm of a server that fails again and again, until it answers.
    private func watchForLoops(_ report: Supervision.Report, of key: ServerKey) {
        switch report {
        case .circuitOpened:
            failing.insert(key)
            parts.log("ALARM: server \(key.tenant)/\(key.server) fails again and again, and rests")
        case .ready, .ended: failing.remove(key)
        case .started, .crashed, .fellAsleep, .leftAsleep, .refused, .left: break
        }
    }

    /// For `status` and `/readyz`, until the server answers again.
    var loopNotes: [String] {
        failing.filter { server($0) != nil }.map { key in
            "servers: `\(key.tenant)/\(key.server)` fails again and again, and rests; "
                + "`gatehouse servers show` says why"
        }.sorted()
    }

    /// What a server printed may hold secrets, and what a person reads must not steer a terminal.
    private static func reason(_ text: String) -> RecordField {
        RecordField("reason", printable(text, limit: 512))
    }

    func server(_ key: ServerKey) -> Configuration.Server? {
        current.configuration.allServers.first { $0.name == key.server && $0.tenant == key.tenant }
    }

    /// Says of each tool that is hidden now, and was not, that it drifted: shown and recorded, never a
    /// reason to restart the server.
    func noteDrift(from old: ServerEntry?, to new: ServerEntry) async {
        var records: [AuditRecord] = []
        for (name, reason) in new.hidden.sorted(by: { $0.key < $1.key })
        where old?.hidden[name] != reason {
            let change: String
            switch reason {
            case .changed: change = "changed"
            case .renamed: change = "renamed"
            case .new, .unusable, .program: continue
            }
            guard records.count < Self.driftRecordLimit else { break }
            parts.log("server \(new.name): tool \(printable(name.rawValue)) hidden: \(reason)")
            records.append(
                AuditRecord(
                    .tool,
                    at: parts.clock.timestamp,
                    tenant: new.tenant,
                    environment: current.configuration.environment,
                    server: new.name,
                    tool: name,
                    detail: .fields([
                        RecordField("change", change),
                        RecordField("reason", reason.description),
                    ])
                )
            )
        }
        guard !records.isEmpty else { return }
        await store.noteDurably(Transaction(records: records))
    }

    /// A server that changes all it lists at every question fills no log.
    private static let driftRecordLimit = 20
}
