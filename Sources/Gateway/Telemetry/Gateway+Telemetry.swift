import Audit
import Base
import HTTP
import Policy
import Storage
import System

extension Gateway {
    /// Listens for probes and scrapers, where the configuration says so.
    func listenForControl() async throws {
        let listen = current.configuration.listen
        guard let text = listen.control else { return }
        let wanted = try SocketAddress(parsing: text)
        let server = HTTPServer(
            on: loop,
            handler: ControlEndpoint(
                hosts: AllowedHosts(names: listen.hosts, listener: wanted, origins: []),
                sources: wanted.isLoopback
                    ? nil : listen.controlFrom.compactMap { AddressRange($0) },
                readiness: { [weak self] in
                    await self?.readiness() ?? Readiness(reasons: ["stopping"])
                },
                metrics: { [weak self] in await self?.metrics() ?? [] }
            ),
            budget: budget,
            clock: parts.clock,
            limits: .control
        )
        controlAddress = try await server.listen(on: wanted)
        ownPorts.add(controlAddress)
        probes = server
        measureLag(due: loop.now.advanced(by: .seconds(1)))
    }

    /// Measures once a second how much later than asked the loop comes round.
    private func measureLag(due: Instant) {
        loop.schedule(at: due) { [weak self] in
            guard let self else { return }
            self.assumeIsolated { gateway in
                gateway.tally.loopLag.count(gateway.loop.now.duration(since: due))
                gateway.measureLag(due: gateway.loop.now.advanced(by: .seconds(1)))
            }
        }
    }

    func readiness() -> Readiness {
        var readiness = Readiness()
        switch store.health {
        case .writable: break
        case .reserveOnly(let reason):
            readiness.reasons.append("log: no room for calls, decisions are kept: \(reason)")
        case .notWritable(let reason): readiness.reasons.append("log: not writable: \(reason)")
        case .broken(let reason): readiness.reasons.append("log: broken: \(reason)")
        case .closed: readiness.reasons.append("log: closed")
        }
        if !isServing { readiness.reasons.append(isStopping ? "stopping" : "starting") }
        if isUnderNothing {
            readiness.reasons.append(
                "policy: none is in force; the one found waits for an approver, and nothing that "
                    + "was accepted before counts"
            )
        } else if let pending {
            readiness.notes.append(
                "policy: running under the last accepted one; the one found loosens "
                    + "\(pending.loosens.count) things and waits for an approver"
            )
        }
        if reloadFailure != nil {
            readiness.notes.append(
                "policy: the configuration on the disk was not taken; `gatehouse status` says why"
            )
        }
        if store.keepFailure != nil {
            readiness.notes.append("log: the last checkpoint could not be kept elsewhere")
        }
        if let retentionFailure {
            readiness.notes.append("log: the oldest records are not removed: \(retentionFailure)")
        }
        // The desk lives on the gateway's loop.
        readiness.notes += desk.assumeIsolated { $0.emergencyNotes }
        readiness.notes += certificateNotes
        readiness.notes += loopNotes
        readiness.notes += clockNotes
        if !absences.isEmpty {
            readiness.notes.append("servers: \(absences.count) cannot be reached")
        }
        return readiness
    }

    /// Everything counted, as Prometheus reads it.
    func metrics() async -> [UInt8] {
        var text = MetricsText()
        writeGate(to: &text)
        writeCalls(to: &text)
        await writePresent(to: &text)
        writeTLS(to: &text)
        await writeServers(to: &text)
        text.writeEgress(
            tally.servers.sorted { $0.key < $1.key }.map { ($0.labels, $1.egress) },
            waiting: await egress.waitingCount
        )
        writeLog(to: &text)
        writeProcess(to: &text)
        return text.bytes
    }
}

extension HTTPServerLimits {
    /// Probes send no bodies, and few connections are theirs.
    fileprivate static var control: HTTPServerLimits {
        var limits = HTTPServerLimits()
        limits.requestByteCount = 0
        limits.connectionCount = Limits.controlConnectionCount
        return limits
    }
}

// MARK: Families

extension Gateway {
    private func writeGate(to text: inout MetricsText) {
        text.family("gatehouse_build_info", .gauge, "Always 1; the labels say what runs.")
        text.sample(
            true,
            [
                ("version", parts.version),
                ("environment", current.configuration.environment.rawValue),
            ]
        )
        text.family("gatehouse_ready", .gauge, "1 when calls are taken, as /readyz says.")
        text.sample(readiness().isReady)
        text.family(
            "gatehouse_configuration_pending",
            .gauge,
            "1 while a looser configuration waits for an approver."
        )
        text.sample(pending != nil)
        text.family(
            "gatehouse_configuration_refused",
            .gauge,
            "1 while the configuration on the disk does not check."
        )
        text.sample(reloadFailure != nil)
    }

    private func writeCalls(to text: inout MetricsText) {
        let servers = tally.servers.sorted { $0.key < $1.key }
        text.family(
            "gatehouse_calls_total",
            .counter,
            "Calls by how the gate ended them: allowed, approved by a person, waiting (told to send again), refused."
        )
        for (place, server) in servers {
            for tier in RiskTier.allCases {
                for verdict in ServerTally.Verdict.allCases {
                    text.sample(
                        server.count(verdict, tier),
                        place.labels + [
                            ("tier", tier.description), ("verdict", "\(verdict.label)"),
                        ]
                    )
                }
            }
        }
        text.family("gatehouse_refusals_total", .counter, "Refusals by their code.")
        for code in Refusal.Code.allCases {
            text.sample(tally.refusals[code] ?? 0, [("code", code.rawValue)])
        }
        text.family("gatehouse_outcomes_total", .counter, "What came of calls that were recorded.")
        for (place, server) in servers {
            for status in OutcomeDetail.Status.allCases {
                text.sample(server.count(status), place.labels + [("status", status.rawValue)])
            }
        }
        text.family(
            "gatehouse_call_own_seconds",
            .histogram,
            "From a call's arrival to its answer without the server's time; calls that asked a person are left out."
        )
        text.sample(tally.ownTime)
        text.family(
            "gatehouse_upstream_seconds",
            .histogram,
            "From sending a call to a server to its answer."
        )
        for (place, server) in servers { text.sample(server.upstreamTime, place.labels) }
    }

    private func writePresent(to text: inout MetricsText) async {
        text.family("gatehouse_calls_running", .gauge, "Calls that were recorded and not settled.")
        text.sample(await door.running.count)
        text.family("gatehouse_approvals_waiting", .gauge, "Questions that wait for a person.")
        text.sample(await desk.waiting().count)
        text.family("gatehouse_sessions", .gauge, "Open sessions of handshake revisions.")
        text.sample(await service.sessionCount)
        text.family("gatehouse_connections", .gauge, "Open HTTP connections of agents.")
        text.sample(await server?.connectionCount ?? 0)
        text.family(
            "gatehouse_connections_refused_total",
            .counter,
            "Agents' connections closed before their first byte: not in allow_from, or too many of one address."
        )
        text.sample(await server?.refusedCount(.address) ?? 0, [("reason", "address")])
        text.sample(await server?.refusedCount(.tooMany) ?? 0, [("reason", "too_many")])
        text.family(
            "gatehouse_loop_lag_seconds",
            .histogram,
            "How late a timer fires that is set once a second."
        )
        text.sample(tally.loopLag)
    }

    private func writeServers(to text: inout MetricsText) async {
        let states = await fleet.states()
        text.family("gatehouse_server_reachable", .gauge, "1 when the server answered last time.")
        for status in states {
            let key = ServerKey(tenant: status.tenant, server: status.server)
            text.sample(absences[key] == nil && descriptions[key] != nil, status.labels)
        }
        text.family("gatehouse_server_state", .gauge, "1 for the state a hosted process is in.")
        for status in states {
            guard let state = status.state else { continue }
            for name in Supervision.State.allWords {
                text.sample(name == state.words.state, status.labels + [("state", name)])
            }
        }
        text.family("gatehouse_server_starts_total", .counter, "Starts of hosted processes.")
        for (place, server) in tally.servers.sorted(by: { $0.key < $1.key }) {
            text.sample(server.starts, place.labels)
        }
        text.family(
            "gatehouse_server_failures_total",
            .counter,
            "Crashes, refused starts and opened circuits of hosted processes."
        )
        for (place, server) in tally.servers.sorted(by: { $0.key < $1.key }) {
            text.sample(server.crashes, place.labels)
        }
        text.family(
            "gatehouse_server_unresponsive_total",
            .counter,
            "Hosted processes that were ended because they stopped, or did not answer a probe (`health`)."
        )
        for (place, server) in tally.servers.sorted(by: { $0.key < $1.key }) {
            text.sample(server.unresponsive, place.labels)
        }
        text.family(
            "gatehouse_server_postponed_total",
            .counter,
            "Starts of hosted processes for which their tenant had no room (`hosting`)."
        )
        for (place, server) in tally.servers.sorted(by: { $0.key < $1.key }) {
            text.sample(server.postponed, place.labels)
        }
        await writeRooms(to: &text)
        text.family("gatehouse_tools", .gauge, "Tools by whether they are offered.")
        for (tenant, servers) in await door.catalogue.tenants.sorted(by: { $0.key < $1.key }) {
            for (name, entry) in servers.sorted(by: { $0.key < $1.key }) {
                let labels = GateTally.Place(tenant: tenant, server: name).labels
                text.sample(entry.tools.count, labels + [("state", "offered")])
                text.sample(entry.hidden.count, labels + [("state", "hidden")])
            }
        }
    }

    /// What the hosted servers of each tenant may use together, and have taken.
    private func writeRooms(to text: inout MetricsText) async {
        let rooms = await fleet.rooms.sorted { $0.key < $1.key }
        func samples(_ what: String, _ servers: UInt64?, _ processes: UInt64?, _ memory: UInt64?) {
            for (kind, value) in [
                ("servers", servers), ("processes", processes), ("memory_bytes", memory),
            ] {
                guard let value else { continue }
                text.sample(value, [("tenant", what), ("kind", kind)])
            }
        }
        text.family(
            "gatehouse_hosting_taken",
            .gauge,
            "What the hosted servers of a tenant that run may use: each at most what its cage lets it."
        )
        for (tenant, room) in rooms {
            let use = room.use
            samples(
                tenant.rawValue,
                UInt64(clamping: use.serverCount),
                use.processCount,
                use.memoryByteCount
            )
        }
        text.family("gatehouse_hosting_cap", .gauge, "What they may use together, where capped.")
        for (tenant, room) in rooms {
            let caps = room.caps
            samples(
                tenant.rawValue,
                caps.serverCount.map { UInt64(clamping: $0) },
                caps.processCount,
                caps.memoryByteCount
            )
        }
    }

    private func writeLog(to text: inout MetricsText) {
        let figures = store.figures
        text.family("gatehouse_log_writable", .gauge, "1 when calls can be recorded.")
        text.sample(store.health == .writable)
        text.family(
            "gatehouse_log_records_total",
            .counter,
            "Records of the log, of all its years."
        )
        text.sample(figures.recordCount)
        text.family(
            "gatehouse_log_removed_records",
            .gauge,
            "Records, from the first one on, that were removed under `audit.retention`."
        )
        text.sample(figures.removedCount)
        text.family("gatehouse_log_unsigned_records", .gauge, "Records no checkpoint covers yet.")
        text.sample(figures.unsignedCount)
        text.family(
            "gatehouse_log_checkpoint_kept",
            .gauge,
            "1 when the last checkpoint is kept everywhere it should be."
        )
        text.sample(store.keepFailure == nil)
        text.family(
            "gatehouse_log_lost_records_total",
            .counter,
            "Records of what happened anyway that could not be written."
        )
        text.sample(figures.lostCount)
        text.family("gatehouse_log_commit_seconds", .histogram, "Commits, their sync included.")
        text.sample(figures.commitTime)
        text.family("gatehouse_log_queue_transactions", .gauge, "Transactions before the writer.")
        text.sample(figures.waitingCount)
        text.family("gatehouse_log_queue_bytes", .gauge, "Roughly what they take in memory.")
        text.sample(figures.waitingByteCount)
        text.family("gatehouse_log_file_bytes", .gauge, "Size of the log's files.")
        for file in figures.files { text.sample(file.byteCount, [("file", file.name)]) }
        text.family("gatehouse_log_free_bytes", .gauge, "Room left on the log's file system.")
        text.sample(figures.freeByteCount)
        text.family(
            "gatehouse_log_day_bytes",
            .gauge,
            "Bytes of records on the UTC day of the last."
        )
        for (tenant, count) in figures.dayBytes.sorted(by: { $0.key < $1.key }) {
            text.sample(count, [("tenant", tenant.rawValue)])
        }
        text.family("gatehouse_log_day_limit_bytes", .gauge, "What a tenant may cause in a day.")
        text.sample(current.configuration.audit.dailyByteCount)
    }

    private func writeProcess(to text: inout MetricsText) {
        text.family("process_resident_memory_bytes", .gauge, "Resident memory.")
        text.sample(Process.residentByteCount())
        text.family("process_cpu_seconds_total", .counter, "CPU time of all threads.")
        text.sample(seconds: Process.cpuTime())
        text.family("process_open_fds", .gauge, "Open descriptors.")
        text.sample(Process.openDescriptorCount())
        text.family("process_start_time_seconds", .gauge, "Start, in seconds since 1970.")
        text.sample(seconds: .milliseconds(started.milliseconds))
    }
}

extension GateTally.Place {
    var labels: [(String, String)] {
        [("tenant", tenant.rawValue), ("server", server.rawValue)]
    }
}

extension ServerStatus {
    var labels: [(String, String)] {
        GateTally.Place(tenant: tenant, server: server).labels
    }
}
