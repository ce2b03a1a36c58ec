package import Audit
package import Base
package import System

/// Writes down who tried to come in without a credential that is good here.
///
/// The first refusal of an address is recorded at once; those that follow within a minute are
/// counted and recorded together, so that a guesser fills no log. Lives on the loop.
package actor RefusedCredentials {
    /// What was wrong; the caller is told less.
    package enum Reason: String, Sendable, CaseIterable {
        case missing, malformed, unknown, expired
        /// A live credential, from an address it may not be used from.
        case address
        /// A live credential of another environment.
        case environment

        init(_ error: TokenBook.Refused) {
            self =
                switch error {
                case .unknown: .unknown
                case .expired: .expired
                case .address: .address
                }
        }
    }

    /// Addresses counted apart at a time; what others do is counted together.
    package static let peerLimit = 256
    package static let window = Duration.seconds(60)

    private struct Count {
        var reasons: [Reason: Int] = [:]
    }

    private let loop: EventLoop
    private let store: any RecordStore
    private let clock: any Clock
    private let environment: EnvironmentName
    private var counts: [String: Count] = [:]
    private var timer: TimerToken?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        store: any RecordStore,
        clock: any Clock,
        environment: EnvironmentName
    ) {
        self.loop = loop
        self.store = store
        self.clock = clock
        self.environment = environment
    }

    package func note(_ reason: Reason, from peer: SocketAddress) {
        let address: String =
            if case .ip(let ip, _) = peer { ip.description } else { "the control socket" }
        let isNew = counts[address] == nil
        guard isNew, counts.count < Self.peerLimit else {
            counts[isNew ? Self.others : address, default: Count()].reasons[reason, default: 0] += 1
            return
        }
        record(address, reason, count: 1)
        counts[address] = Count()
        guard timer == nil else { return }
        timer = loop.schedule(after: Self.window) { [weak self] in
            self?.assumeIsolated { $0.closeWindow() }
        }
    }

    /// Records what was only counted; the next refusal of each address is recorded at once again.
    package func closeWindow() {
        timer?.cancel()
        timer = nil
        for (address, count) in counts.sorted(by: { $0.key < $1.key }) {
            for reason in Reason.allCases {
                if let many = count.reasons[reason] { record(address, reason, count: many) }
            }
        }
        counts = [:]
    }

    private static let others = "other addresses"

    private func record(_ address: String, _ reason: Reason, count: Int) {
        // What a full disk keeps in reserve is for decisions and stops, not for strangers.
        guard store.health.isWritable else { return store.countLost() }
        store.note(
            AuditRecord(
                .login,
                at: clock.timestamp,
                tenant: .main,
                environment: environment,
                detail: .fields([
                    RecordField("change", "refused"),
                    RecordField("count", .integer(Int64(count))),
                    RecordField("credential", reason.rawValue),
                    RecordField("from", address),
                ])
            )
        )
    }
}
