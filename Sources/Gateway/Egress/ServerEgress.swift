import Audit
import Base
import Crypto
import Egress
import HTTP
import Sandbox
import Screening
import System

/// The way out of one server's cage: the listener inside it, and what is decided of each connection.
///
/// The listener is the server's identity: nothing else can connect to it, so no token is needed.
actor ServerEgress {
    let loop: EventLoop
    let key: EgressBook.Key
    let settings: Configuration.Egress
    private let broker: SecretBroker?
    /// Of the configuration, where files of authorities lie.
    private let folder: String
    let parts: EgressParts
    private let tally: EgressTally
    var budget: EgressBudget
    /// Kept from start to start.
    var standIns = StandInAddresses(limit: Limits.egressStandInCount)
    var openLookUpCount = 0
    /// The addresses names have for this cage, until it has to ask again.
    var told = ToldAddresses(limit: Limits.egressStandInCount)
    private var listeners: [Listener] = []
    private var nameSocket: DatagramSocket?
    private var connections: [ObjectIdentifier: EgressConnection] = [:]
    private var resolving = 0
    private var contexts: [TLSTrust: TLSContext] = [:]
    private var floods = QuietTime()
    private var alarms = QuietTime(Limits.egressAlarmCount)

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        _ key: EgressBook.Key,
        _ settings: Configuration.Egress,
        broker: SecretBroker?,
        folder: String,
        on loop: EventLoop,
        parts: EgressParts,
        tally: EgressTally
    ) {
        self.key = key
        self.settings = settings
        self.broker = broker
        self.folder = folder
        self.loop = loop
        self.parts = parts
        self.tally = tally
        budget = EgressBudget(settings.budget)
    }

    /// Takes over a socket of a new process, whose first one is the proxy's.
    func listen(_ socket: consuming Descriptor, as kind: CageListener) {
        if kind == .proxy { close() }
        do {
            switch kind {
            case .proxy: try accept(on: socket, as: .proxy)
            case .captured: try accept(on: socket, as: .captured)
            case .nameStreams: try acceptNames(on: socket)
            case .nameDatagrams:
                nameSocket = try DatagramSocket(
                    adopting: socket,
                    loop: loop,
                    byteLimit: NameQuery.byteCountLimit
                ) { await self.response(to: $0) }
            }
        } catch {
            parts.log("server \(key.server): its way out could not be opened: \(error)")
        }
    }

    private func accept(on socket: consuming Descriptor, as way: EgressWay) throws {
        let loop = loop
        let listener = try Listener(
            adopting: socket,
            loop: loop,
            // The budget refuses before this; what is beyond waits in the kernel's backlog.
            connectionCap: settings.budget.connectionCount * 2
        ) { stream in
            let connection = EgressConnection(stream, self, by: way)
            // Ends with the connection, at the latest when the process does: `close`.
            loop.spawn { await connection.run() }
        }
        listeners.append(listener)
    }

    private func acceptNames(on socket: consuming Descriptor) throws {
        let loop = loop
        let listener = try Listener(
            adopting: socket,
            loop: loop,
            connectionCap: Limits.egressNameStreamCount
        ) { stream in
            let connection = NameConnection(stream, self)
            // Ends with the connection, or when it asks nothing for `egressGreeting`.
            loop.spawn { await connection.run() }
        }
        listeners.append(listener)
    }

    /// As `listen`, for who is on the loop already.
    nonisolated func takeOver(_ socket: consuming Descriptor, as kind: CageListener) {
        var socket: Descriptor? = consume socket
        assumeIsolated { egress in
            if let socket = socket.take() { egress.listen(socket, as: kind) }
        }
    }

    /// The process is gone: what it had open ends with it.
    func close() {
        for listener in listeners { listener.close() }
        listeners = []
        nameSocket?.close()
        nameSocket = nil
        for connection in connections.values { connection.cutOff() }
    }

    /// False where too many are open: each listener has room for as many, and there may be dozens.
    func add(_ connection: EgressConnection) -> Bool {
        guard connections.count < settings.budget.connectionCount * 2 else { return false }
        connections[ObjectIdentifier(connection)] = connection
        return true
    }

    func remove(_ connection: EgressConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    // MARK: Deciding

    /// Counts the connection against the budget; `end` takes it off again.
    func begin(_ target: EgressTarget) throws(EgressRefusal) {
        if let excess = budget.begin(target.host, at: loop.now) {
            throw .overBudget(target, excess)
        }
        tally.openCount += 1
    }

    func end() {
        budget.end()
        tally.openCount -= 1
    }

    /// Counts bytes on their way out; false when the budget is spent.
    func sent(_ byteCount: Int) -> Bool {
        tally.sentByteCount &+= UInt64(clamping: byteCount)
        return budget.sent(byteCount, at: loop.now)
    }

    func received(_ byteCount: Int) { tally.receivedByteCount &+= UInt64(clamping: byteCount) }

    /// From a target to the addresses it may be connected by; asks a person where that is written.
    func admit(_ target: EgressTarget) async throws(EgressRefusal) -> Admission {
        let allowed: AllowedTarget
        var grant: EgressGrant?
        do throws(EgressRefusal) {
            allowed = try EgressPolicy(rules: settings.rules).allow(target)
        } catch {
            let given = try await permission(target, error)
            allowed = try EgressPolicy(rules: [given.rule]).allow(target)
            grant = given
        }
        return Admission(pinned: try await pinned(allowed), grant: grant)
    }

    private func permission(
        _ target: EgressTarget,
        _ refusal: EgressRefusal
    ) async throws(EgressRefusal) -> EgressGrant {
        switch refusal {
        case .unknownHost, .portNotAllowed, .addressLiteral: break
        default: throw refusal
        }
        let answer: EgressBook.Answer
        do throws(StoreError) {
            answer = try await parts.book.permission(
                for: target,
                of: key,
                code: refusal.code,
                waitingUntil: settings.asks ? loop.now.advanced(by: Limits.egressHold) : nil
            )
        } catch {
            throw .unreachable(target, reason: "the log cannot be written: \(error)")
        }
        switch answer {
        case .granted(let grant): return grant
        case .refused: throw .notApproved(target, wasAsked: true)
        case .unanswered: throw settings.asks ? .notApproved(target, wasAsked: false) : refusal
        }
    }

    /// To the addresses a target that is allowed is connected by.
    func pinned(_ allowed: AllowedTarget) async throws(EgressRefusal) -> PinnedTarget {
        if let name = allowed.nameToResolve, let known = told.addresses(of: name, at: loop.now) {
            // The rule may be another one than that of the question.
            return try allowed.pin(known)
        }
        // Each look-up may hold a thread for seconds; a server has no more than this many.
        guard allowed.nameToResolve == nil || resolving < Limits.egressLookUpCount else {
            throw .notResolved(allowed.target, reason: "too many look-ups at once")
        }
        resolving += 1
        defer { resolving -= 1 }
        return try await parts.decision.pinned(allowed)
    }

    /// Whether a connection that was made leads where it was decided, and not to this gateway.
    func check(_ upstream: Stream, _ pinned: PinnedTarget) throws(EgressRefusal) {
        guard let ends = try? upstream.ends() else {
            throw .unreachable(pinned.target, reason: "it ended at once")
        }
        try parts.decision.check(peer: ends.peer, local: ends.local, pinned)
    }

    // MARK: The record

    /// A connection is about to carry bytes: it carries none before its record is durable.
    func opened(
        _ admission: Admission,
        _ peer: SocketAddress,
        by way: EgressWay
    ) async throws(EgressRefusal) {
        let target = admission.pinned.target
        do throws(StoreError) {
            _ = try await parts.store.commit(
                record([
                    RecordField("address", peer.description),
                    RecordField("change", "opened"),
                    RecordField("rule", admission.ruleText),
                    RecordField("target", target.description),
                    RecordField("way", way.rawValue),
                ])
            )
        } catch {
            throw .unreachable(target, reason: "the log cannot be written: \(error)")
        }
        tally.allowedCount &+= 1
    }

    func closed(_ report: EgressReport) {
        let fields = [
            RecordField("change", "closed"),
            RecordField("durationMilliseconds", .integer(report.duration.milliseconds)),
            RecordField("end", report.end),
            RecordField("receivedBytes", .integer(Int64(clamping: report.receivedByteCount))),
            RecordField("sentBytes", .integer(Int64(clamping: report.sentByteCount))),
            RecordField("target", report.target.description),
        ]
        // `opened` stands in the log already.
        parts.store.note(record(fields))
    }

    /// - Parameter isCounted: whether the budget knows of it already.
    func refused(_ refusal: EgressRefusal, by way: EgressWay, isCounted: Bool = true) {
        tally.refused(refusal.code)
        var isTooMuch: Bool = if case .overBudget = refusal { true } else { false }
        if !isCounted {
            if budget.begin(nil, at: loop.now) == nil { budget.end() } else { isTooMuch = true }
        }
        guard !isTooMuch || floods.admits(at: loop.now) else { return }
        var fields = [
            RecordField("change", "refused"),
            RecordField("reason", printable(refusal.auditText, limit: 600)),
            RecordField("refusal", refusal.code),
        ]
        if let target = refusal.target {
            fields.append(RecordField("target", printable(target.description, limit: 300)))
        }
        fields.append(RecordField("way", way.rawValue))
        parts.store.note(record(fields))
        parts.log(
            "server \(key.server): connection refused (\(refusal.code)): "
                + printable(refusal.auditText, limit: 300)
        )
    }

    // MARK: Secrets

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

    private func record(
        _ fields: [RecordField],
        _ kind: RecordKind = .egress
    ) -> AuditRecord {
        AuditRecord(
            kind,
            at: parts.clock.timestamp,
            tenant: key.tenant,
            environment: parts.environment,
            server: key.server,
            detail: .fields(fields)
        )
    }
}
