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
    let broker: SecretBroker?
    /// Of the configuration, where files of authorities lie.
    let folder: String
    let parts: EgressParts
    let tally: EgressTally
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
    /// One for all that trust the same.
    var contexts: [TLSTrust: TLSContext] = [:]
    var floods = QuietTime()
    var alarms = QuietTime(Limits.egressAlarmCount)

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

    func record(
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
