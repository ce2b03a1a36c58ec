import Audit
import Base
import Crypto
import Egress
import HTTP
import Screening
import System

/// The way out of one server's cage: the listener inside it, and what is decided of each connection.
///
/// The listener is the server's identity: nothing else can connect to it, so no token is needed.
actor ServerEgress {
    let loop: EventLoop
    let key: EgressBook.Key
    private let settings: Configuration.Egress
    private let broker: SecretBroker?
    /// Of the configuration, where files of authorities lie.
    private let folder: String
    private let parts: EgressParts
    private let tally: EgressTally
    private var budget: EgressBudget
    private var listener: Listener?
    private var connections: [ObjectIdentifier: EgressConnection] = [:]
    private var resolving = 0
    private var contexts: [TLSTrust: TLSContext] = [:]
    private var quietUntil = Instant(nanoseconds: 0)

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

    /// Takes over the listener of a new process.
    func listen(_ listening: consuming Descriptor) {
        close()
        let loop = loop
        do {
            listener = try Listener(
                adopting: listening,
                loop: loop,
                // The budget refuses before this; what is beyond waits in the kernel's backlog.
                connectionCap: settings.budget.connectionCount * 2
            ) { stream in
                let connection = EgressConnection(stream, self)
                // Ends with the connection, at the latest when the process does: `close`.
                loop.spawn { await connection.run() }
            }
        } catch {
            parts.log("server \(key.server): its way out could not be opened: \(error)")
        }
    }

    /// As `listen`, for who is on the loop already.
    nonisolated func takeOver(_ listening: consuming Descriptor) {
        var listening: Descriptor? = consume listening
        assumeIsolated { egress in
            if let listener = listening.take() { egress.listen(listener) }
        }
    }

    /// The process is gone: what it had open ends with it.
    func close() {
        listener?.close()
        listener = nil
        for connection in connections.values { connection.cutOff() }
    }

    func add(_ connection: EgressConnection) {
        connections[ObjectIdentifier(connection)] = connection
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
        let found = try await addresses(of: allowed)
        return Admission(pinned: try allowed.pin(found), grant: grant)
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

    private func addresses(
        of allowed: AllowedTarget
    ) async throws(EgressRefusal) -> [NetworkAddress] {
        guard let name = allowed.nameToResolve else { return [] }
        // Each look-up may hold a thread for seconds; a server has no more than this many.
        guard resolving < Limits.egressLookUpCount else {
            throw .notResolved(allowed.target, reason: "too many look-ups at once")
        }
        resolving += 1
        defer { resolving -= 1 }
        do throws(ResolveError) {
            return try await parts.resolver.resolve(name).map(\.network)
        } catch {
            throw .notResolved(allowed.target, reason: error.reason)
        }
    }

    /// Whether a connection that was made leads where it was decided, and not to this gateway.
    func check(_ upstream: Stream, _ pinned: PinnedTarget) throws(EgressRefusal) {
        guard let ends = try? upstream.ends(), case .ip(let peer, _) = ends.peer,
            case .ip(let local, _) = ends.local
        else { throw .unreachable(pinned.target, reason: "it ended at once") }
        try pinned.check(peer: peer.network, local: local.network, own: parts.ownPorts.all)
    }

    // MARK: The record

    /// A connection is about to carry bytes; one that cannot be recorded is not made.
    func opened(_ admission: Admission, _ peer: SocketAddress) throws(EgressRefusal) {
        let target = admission.pinned.target
        do {
            try parts.store.post(
                record([
                    RecordField("address", peer.description),
                    RecordField("change", "opened"),
                    RecordField("rule", admission.ruleText),
                    RecordField("target", target.description),
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
        // The store counts what it could not take; `opened` stands in the log already.
        try? parts.store.post(record(fields))
    }

    func refused(_ refusal: EgressRefusal) {
        tally.refused(refusal.code)
        if case .overBudget = refusal {
            // One line in ten seconds: whoever floods shall not fill the log with it.
            guard loop.now >= quietUntil else { return }
            quietUntil = loop.now.advanced(by: .seconds(10))
        }
        var fields = [
            RecordField("change", "refused"),
            RecordField("reason", printable(refusal.auditText, limit: 600)),
            RecordField("refusal", refusal.code),
        ]
        if let target = refusal.target {
            fields.append(RecordField("target", printable(target.description, limit: 300)))
        }
        try? parts.store.post(record(fields))
        parts.log(
            "server \(key.server): connection refused (\(refusal.code)): "
                + printable(refusal.auditText, limit: 300)
        )
    }

    // MARK: Secrets

    /// What ends the TLS of connections to this place; nil where no secret is bound to it.
    func interception(of admission: Admission) throws(EgressRefusal) -> Interception? {
        let target = admission.pinned.target
        guard let broker, let start = broker.start else { return nil }
        let uses = broker.uses(at: target)
        guard !uses.isEmpty, case .name(let spelling) = target.host,
            let name = DomainName(spelling)?.text
        else { return nil }
        let addresses = admission.pinned.addresses
        let ports = parts.ownPorts.all
        do {
            let url = try HTTPURL(parsing: "https://\(name):\(target.port)/")
            let client = HTTPClient(
                to: url.origin,
                on: loop,
                resolver: PinnedResolver(addresses: addresses.map(\.address)),
                tls: try context(for: uses),
                budget: parts.budget,
                admits: { address, port in
                    addresses.contains(address.network)
                        && !(AddressReach(address.network) == .loopback && ports.contains(port))
                }
            )
            let handler = BrokerHandler(
                owner: self,
                target: target,
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
    private func context(for uses: [SecretBroker.Use]) throws -> TLSContext {
        let trust: TLSTrust =
            uses.compactMap(\.certificateAuthority).first
            .map { .authorities(file: Paths.join(folder, $0)) } ?? .systemRoots
        if let known = contexts[trust] { return known }
        let made = try TLSContext(client: trust)
        contexts[trust] = made
        return made
    }

    /// Records that a secret goes out; false when that cannot be recorded, so it does not.
    func used(_ secret: String, at target: EgressTarget, method: String) -> Bool {
        tally.usedCount &+= 1
        let fields = [
            RecordField("change", "used"), RecordField("method", method),
            RecordField("secret", secret), RecordField("target", target.description),
        ]
        return (try? parts.store.post(record(fields, .secretUse))) != nil
    }

    /// A request to a host with a secret was not carried; a canary is an alarm.
    func refused(_ refusal: BrokerRefusal, _ target: EgressTarget) {
        tally.refused(refusal.code)
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
        try? parts.store.post(record(fields, .secretUse))
        parts.log("server \(key.server): \(word) to \(target) refused: \(printable(refusal.text))")
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

/// The two sides of a connection whose TLS the gateway ends.
struct Interception: Sendable {
    let server: HTTPServer
    let client: HTTPClient
    let tls: ServerTLS
}

/// A connection that may be made, and why.
struct Admission: Sendable {
    let pinned: PinnedTarget
    /// Of a person, where no written rule names the target.
    let grant: EgressGrant?

    var ruleText: String {
        let rule = pinned.allowed.rule.description
        return grant.map { "\(rule), allowed \($0.lengthText) by \($0.by)" } ?? rule
    }
}

/// What a connection was, when it is over.
struct EgressReport: Sendable {
    let target: EgressTarget
    let duration: Duration
    let sentByteCount: UInt64
    let receivedByteCount: UInt64
    let end: String
}

/// What the ways out of one gateway share.
struct EgressParts: Sendable {
    let book: EgressBook
    let resolver: any Resolver
    let store: any RecordStore
    let clock: any Clock
    let environment: EnvironmentName
    let ownPorts: OwnPorts
    let shelf: SecretShelf
    let pool: BlockingPool
    let budget: BufferBudget
    let log: @Sendable (String) -> Void
}

/// The ports this gateway listens on, known when it does.
final class OwnPorts: Sendable {
    private let ports = Lock<Set<UInt16>>([])

    func add(_ address: SocketAddress?) {
        guard let port = address?.port else { return }
        ports.withLock { _ = $0.insert(port) }
    }

    var all: Set<UInt16> { ports.withLock { $0 } }
}

extension IPAddress {
    var network: NetworkAddress {
        switch self {
        case .v4(let bits): .v4(bits)
        case .v6(let high, let low): .v6(high: high, low: low)
        }
    }
}

extension NetworkAddress {
    var address: IPAddress {
        switch self {
        case .v4(let bits): .v4(bits)
        case .v6(let high, let low): .v6(high: high, low: low)
        }
    }
}
