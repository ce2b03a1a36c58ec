import Base
import Crypto
import Storage
import System

/// What is there before any part of a gateway is made: where it stands, the configuration it begins
/// with, its keys and its log, opened.
struct GatewayGround {
    /// The key that signs the configuration, where there is one.
    let trust: TrustAnchor?
    let folder: String
    let state: StateFolder
    let loop: EventLoop
    let tally = GateTally()
    let parts: Gateway.Parts
    let starting: StartingConfiguration
    let hashing: any Hashing
    let sealing: SealingKey
    let store: SQLiteStore

    var configuration: Configuration { starting.set.configuration }

    init(
        _ found: PolicySet,
        trust: TrustAnchor?,
        folder: String,
        state: StateFolder,
        loop: EventLoop,
        parts: Gateway.Parts
    ) throws {
        self.trust = trust
        self.folder = folder
        self.state = state
        self.loop = loop
        self.parts = parts
        hashing = OpenSSLHashing()
        let key = try LogFile.secret(state.signingKey, byteCount: 32, random: parts.random)
        sealing = try SealingKey(
            SecretBytes(LogFile.secret(state.sealingKey, byteCount: 32, random: parts.random))
        )
        let rows = StateRows(key: sealing, random: parts.random)
        let kept = try KeptConfiguration(in: state, rows, trust: trust, like: found)
        starting = try StartingConfiguration(found, after: kept, trust: trust, hashing)
        let audit = starting.set.configuration.audit
        var options = StoreOptions(
            folder: state.path,
            environment: starting.set.configuration.environment,
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: SecretBytes(key)),
            checker: Ed25519.Checker(),
            random: parts.random,
            clock: parts.clock
        )
        options.changesOnClosing = { UnknownCalls.changes(closing: $0) }
        #if DEBUG
        // For the test of the test that looks at the order of syncs: it must fail without them. No
        // release build knows the variable.
        if parts.environment("GATEHOUSE_TEST_SYNCHRONOUS") == "off" { options.synchronous = .off }
        #endif
        options.dailyByteLimit = audit.dailyByteCount
        options.destinations = audit.checkpointFiles.map { Paths.join(folder, $0) }
        options.rows = rows
        // A loop that writes serves nothing else until the disk has answered, and a disk may hang: what
        // runs at a server could not be stopped then.
        options.arrangeWake = { write in
            loop.beforeSleeping { isAtRest in write(isAtRest && loop.answersDue == 0) }
        }
        store = try SQLiteStore.open(options)
    }
}
