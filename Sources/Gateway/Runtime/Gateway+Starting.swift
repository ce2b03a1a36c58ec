import Approval
import Audit
import Base
import JSON
import Sandbox
import Storage
import System

/// Reading the state back, beginning to serve, and saying so in the log.
extension Gateway {
    /// Reads the state back and listens; servers are brought up beside it.
    package func run() async throws {
        try await tokens.load(from: store)
        try await approvers.load()
        let isTimeLost = isClockBehind
        try await egress.load(isTimeLost: isTimeLost)
        await desk.changeApprovers(await approverList())
        for key in try await desk.restore(from: store, isTimeLost: isTimeLost) {
            parts.log("\(key) cannot be read; it does not count")
        }
        await door.usual.restore()
        var lockdowns: [Lockdown] = []
        for entry in try await store.allEntries(.lockdowns) {
            if let lockdown = Lockdown(entry) { lockdowns.append(lockdown) }
        }
        await door.load(lockdowns)
        await door.attach(desk)
        try await door.restoreUnknown(from: store, store.recoveredIntents)
        await refresh.attach(self)
        notices.attach(self)
        let leftovers = try await parts.pool.run { [state] in
            try Files.makeFolder(state.layers)
            return HiddenFolders.leftovers(in: state.layers)
        }
        try await begin()
        // Probes first: whoever reaches the gateway can ask how it is.
        try await listenForControl()
        try await listen()
        try await listenForPeople()
        try await record(started: true)
        isServing = true
        sweep()
        lookAtRetention()
        // Servers are asked beside one another, and each shows up in the lists when it answered. Nobody
        // waits for the slowest: a signal is heard meanwhile. It ends with their answers, the times to
        // start, or the gateway; leftovers that are not gone by then are the next one's.
        loop.spawn { [pool = parts.pool] in
            await self.refreshAll()
            try? await pool.run { HiddenFolders.remove(leftovers) }
        }
    }

    /// Whether the wall clock was set back since the last record of an earlier process, by more than
    /// clocks are corrected by: nobody knows then how long the gateway was away.
    var isClockBehind: Bool {
        store.endedAt.map { started < $0.advanced(by: .zero - Limits.clockCorrection) } ?? false
    }

    /// For `status` and `/readyz`, until the next start.
    var clockNotes: [String] {
        guard isClockBehind, let last = store.endedAt else { return [] }
        return [
            "clock: at the start it was behind the last record, of \(last.description); what had an "
                + "end was over, and tokens with an end live by the clock as it is"
        ]
    }

    /// Takes over what was decided before anything was opened, and says so.
    private func begin() async throws {
        if let reason = starting.keptBecause { try await keep(starting.set, by: reason) }
        if let pending {
            parts.log(
                "the configuration found is not taken yet; it loosens: "
                    + pending.loosens.joined(separator: "; ")
                    + " (an approver accepts it with `gatehouse check --accept`)"
            )
        }
        if await approvers.isEmpty {
            parts.log(
                "nobody may decide yet: calls that would ask a person are refused; stop the gateway "
                    + "and name the first approver with `gatehouse init NAME`"
            )
        }
        for name in await approvers.elsewhere {
            parts.log("`\(name)` has roles in another environment; they do not count here")
        }
        if isClockBehind { parts.log(clockNotes.joined(separator: "; ")) }
        for key in store.foreignRows {
            parts.log("\(key) was not written by this gateway; it does not count")
        }
        try await adopt(starting.set, by: nil)
    }

    /// Ends idle sessions and keeps long calls' connections awake, for as long as the loop runs.
    private func sweep() {
        loop.schedule(after: Limits.sweepInterval) { [weak self] in
            guard let self else { return }
            // One look at sessions and calls; the next is scheduled when it is done.
            self.loop.spawn {
                await self.service.closeIdleSessions()
                await self.service.keepQuietCallsAlive()
                await self.sweep()
            }
        }
    }

    func approverList() async -> [Approver] {
        await approvers.people.filter { $0.roles.contains(.approver) }.map { person in
            Approver(person: PersonName(unchecked: person.name.rawValue), tenants: person.tenants)
        }
    }

    func record(started: Bool) async throws {
        _ = try await store.commit(
            AuditRecord(
                .log,
                at: parts.clock.timestamp,
                tenant: .main,
                environment: current.configuration.environment,
                detail: .fields(started ? await startFields() : stopFields)
            )
        )
    }

    private var stopFields: [RecordField] {
        [RecordField("change", "stopped"), RecordField("version", parts.version)]
    }

    /// Who may decide and how much may call as this start found it: whoever appears here without a
    /// record that made them came past the gateway.
    private func startFields() async -> [RecordField] {
        let foreign = store.foreignRows.map(\.description)
        return [
            RecordField(
                "approvers",
                .texts(await approvers.names.map(\.rawValue))
            ),
            RecordField("change", "started"),
            RecordField(
                "lockdowns",
                .texts((await door.activeLockdowns).prefix(16).map(\.target.text))
            ),
            RecordField("foreignRows", .texts(Array(foreign.prefix(16)))),
            RecordField("tokens", .integer(Int64(tokens.all.count))),
            RecordField("version", parts.version),
        ]
    }
}
