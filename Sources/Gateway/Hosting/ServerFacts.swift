package import Base
import Sandbox

/// What is known of a hosted server beside its state: for listings, for records, for the next start.
///
/// Written by the pool's threads and the loop, read from anywhere; all of it is small and bounded.
package final class ServerFacts: Sendable {
    /// The cage of the last start.
    struct Cage: Sendable {
        var user: UInt32
        var layers: [CageLayer: CageProbe.Finding]
        var minimum: Set<CageLayer>
    }

    struct Values: Sendable {
        /// Nil until the first start, and where there is no cage.
        var cage: Cage?
        /// What the last start executed.
        var command: ResolvedCommand?
        /// What the next process is made of, looked at before it is started.
        var program: ProgramFinding?
        /// Whether a tool of this server is placed at T3.
        var executes = false
        /// By which its part of its tenant's room is known.
        var taker: TenantRoom.Taker?
        /// Why it was not started when it was last to start, for now; nil since it started.
        var postponed: String?
        var startCount = 0
        var crashCount = 0
        var lastStart: Instant?
        /// The last lines of its standard error, screened.
        var errors: [String] = []
    }

    static let errorLineCount = 20

    private let values = Lock(Values())

    package init() {}

    var current: Values { values.withLock { $0 } }

    func note(_ cage: Cage) { values.withLock { $0.cage = cage } }
    func note(_ program: ProgramFinding) { values.withLock { $0.program = program } }
    func note(_ command: ResolvedCommand) { values.withLock { $0.command = command } }

    func note(_ taker: TenantRoom.Taker) { values.withLock { $0.taker = taker } }

    /// Returns whether that is news.
    func note(postponed: String) -> Bool {
        values.withLock { values in
            defer { values.postponed = postponed }
            return values.postponed == nil
        }
    }

    func note(errorLine line: String) {
        values.withLock { values in
            if values.errors.count >= Self.errorLineCount { values.errors.removeFirst() }
            values.errors.append(line)
        }
    }

    func note(_ report: Supervision.Report, at now: Instant) {
        values.withLock { values in
            switch report {
            case .started:
                values.startCount += 1
                values.postponed = nil
                values.lastStart = now
            case .crashed, .circuitOpened, .leftAsleep: values.crashCount += 1
            case .ready, .fellAsleep, .refused, .left, .ended: break
            }
        }
    }

    /// Returns whether that is news.
    func note(executes: Bool) -> Bool {
        values.withLock { values in
            defer { values.executes = executes }
            return values.executes != executes
        }
    }
}

/// What a server's program turned out to be at a start.
package enum ProgramFinding: Sendable, Equatable {
    /// The digest of its launch identity.
    case found(Digest)
    case unreadable(String)

    /// Reads it; blocks.
    init(_ identity: () throws -> LaunchIdentity) {
        do { self = .found(try identity().digest) } catch { self = .unreadable("\(error)") }
    }
}

/// Whether the program of a server is the one its tools were accepted with.
package enum ProgramStanding: Sendable, Equatable {
    case accepted(Digest)
    case changed(from: Digest, to: Digest)
    case unidentified(String)

    /// Why no call may go to it; nil where calls may.
    package var refusal: String? {
        switch self {
        case .accepted: nil
        case .changed:
            "its program changed since it was accepted, and is not started; run `gatehouse tools approve`"
        case .unidentified(let reason): "its program cannot be identified: \(reason)"
        }
    }
}
