import Audit
import Base
import Egress
import HTTP
import System

/// How a connection, or a question for a name, came to the gateway; stands in its record.
enum EgressWay: String, Sendable {
    /// The program knows of the proxy.
    case proxy
    /// It does not, and was connected to the gateway whatever it meant to reach.
    case captured
    case lookUp = "look-up"
    /// It is the gateway's own.
    case own
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

/// What the ways out of one gateway's cages share, and its own.
struct EgressParts: Sendable {
    let book: EgressBook
    let decision: EgressDecision
    let store: any RecordStore
    let clock: any Clock
    let environment: EnvironmentName
    let shelf: SecretShelf
    let pool: BlockingPool
    let budget: BufferBudget
    let log: @Sendable (String) -> Void
}
