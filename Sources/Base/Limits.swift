/// Every limit on what comes from outside, with its unit; `docs/limits.md` is the same table with
/// who enforces each and what the caller sees.
package enum Limits {
    // Messages.
    package static let requestByteCount = 1 << 20
    package static let resultByteCount = 16 << 20
    package static let bufferedByteCount = 64 << 20
    package static let jsonDepth = 64
    package static let jsonNodeCount = 1 << 22
    package static let jsonObjectKeyCount = 1 << 20
    package static let reviewableByteCount = 64 << 10
    /// Tools whose usual calls are remembered.
    package static let usualToolCount = 2_000
    /// A longer file is not compared with what a call would write.
    package static let comparedFileByteCount = 256 << 10
    /// Calls a card shows of what the agent did before, and the records looked at for them.
    package static let callsBeforeCount = 5
    package static let recordsBeforeCount = 60
    package static let grantsPerPrincipal = 20
    package static let grantsPerTenant = 200
    /// Of an edited call's arguments, how much its agent is told.
    package static let editedNoteByteCount = 8 << 10

    // HTTP.
    package static let headByteCount = 16 << 10
    package static let headerCount = 64
    package static let requestTargetByteCount = 8 << 10
    package static let chunkLineByteCount = 64
    package static let trailerByteCount = 4 << 10
    package static let handshakeTimeout: Duration = .seconds(10)
    package static let handshakeByteCount = 128 << 10
    package static let headTimeout: Duration = .seconds(10)
    package static let bodyTimeout: Duration = .seconds(30)
    package static let keepAliveTimeout: Duration = .seconds(75)
    package static let writeTimeout: Duration = .seconds(30)
    package static let bufferWait: Duration = .seconds(5)
    package static let lingerTimeout: Duration = .seconds(2)
    package static let lingerByteCount = 1 << 20
    // HTTP/2.
    package static let http2StreamCount = 100
    package static let http2StreamWindowByteCount = 64 << 10
    package static let http2WindowByteCount = 256 << 10
    /// Of a connection to an upstream, whose streams must not wait for one that is not read.
    package static let http2UpstreamWindowByteCount = 8 << 20
    /// Frames of a connection that bring nothing: settings, pings, resets, windows, broken ones.
    package static let http2ControlFrameBurst = 1_000
    package static let http2ControlFramesPerSecond = 100
    package static let http2ResetBurst = 200
    package static let http2ResetsPerSecond = 20
    /// Bytes of answers that may wait for the peers of one connection to take them.
    package static let http2UnsentByteCount = 64 << 20
    /// Of agents, where `listen.connections` does not say otherwise: a stream for each session, and
    /// room for calls beside them.
    package static let connectionCount = 16_384
    package static let connectionCountMaximum = 100_000
    /// Of one peer address, loopback left out.
    package static let connectionsPerAddress = 1_000
    /// From the signal to stop until calls that still run are cut off.
    package static let drainTimeout: Duration = .seconds(10)
    package static let connectTimeout: Duration = .seconds(10)
    package static let upstreamConnectionCount = 256
    package static let upstreamWaitingCount = 1024
    package static let upstreamIdleTimeout: Duration = .seconds(50)

    // Lists read from an upstream.
    package static let listPageCount = 100
    package static let listItemCount = 10_000
    package static let listByteCount = 16 << 20
    /// After a server could not be reached, until it is asked again: doubles up to the second.
    package static let absenceWait: Duration = .seconds(2)
    package static let absenceWaitMaximum: Duration = .seconds(60)
    /// Between two listings of a remote server, which has no process whose start would tell.
    package static let remoteListing: Duration = .seconds(300)
    /// Before the rest of an interrupted answer is asked for, where its server names no time; doubles.
    package static let resumeWait: Duration = .milliseconds(500)
    /// How long one stream of a remote server's own words is kept before it is opened anew.
    package static let hearingTime: Duration = .seconds(86_400)
    package static let definitionByteCount = 256 << 10

    // Processes.
    package static let lineByteCount = 16 << 20
    package static let stderrLineByteCount = 8 << 10
    /// Of one server in a minute; the rest is read and dropped.
    package static let stderrByteCount = 256 << 10
    /// Lines on a server's standard output that are no message.
    package static let noiseLineCount = 100
    package static let serverStart: Duration = .seconds(30)
    /// How often a server that nobody calls is asked whether it still answers, and how long it has to.
    package static let healthInterval: Duration = .seconds(30)
    package static let healthTimeout: Duration = .seconds(10)
    /// Calls of one credential to servers that have not said yet what they offer.
    package static let earlyCallCount = 64
    /// How often the memory of a cage without a control group is looked at.
    package static let memoryLook: Duration = .milliseconds(250)
    /// How often shown folders are looked through for one start when what is denied in them changes meanwhile.
    package static let startLooks = 3
    /// How long the end of a cage waits for the kernel to take down what is left in its control group.
    package static let groupEnd: Duration = .milliseconds(500)
    /// How long a process may take to end after SIGKILL until nobody waits for it any more.
    package static let endOfKilled: Duration = .seconds(10)
    /// How long a process that takes no input may take to be seen to have ended.
    package static let endOfDeaf: Duration = .seconds(1)

    // Egress.
    /// Until a person answers for a host no rule names.
    package static let egressHold: Duration = .seconds(50)
    /// From the answer to CONNECT until the whole TLS greeting is there.
    package static let egressGreeting: Duration = .seconds(5)
    /// Until a host has answered a request a secret went out with.
    package static let egressAnswer: Duration = .seconds(120)
    /// How long a tunnel may carry nothing.
    package static let egressIdle: Duration = .seconds(900)
    /// Names one server has looked up at once.
    package static let egressLookUpCount = 4
    package static let egressRuleCount = 256
    /// Different ports of them: each is a listener in the cage.
    package static let egressPortCount = 60
    /// Questions for names one server is answered in a minute.
    package static let egressNameQueriesPerMinute = 1200
    /// Questions of one server that are being answered at once.
    package static let egressOpenQueryCount = 64
    /// Names nobody decided on that have an address inside one cage.
    package static let egressStandInCount = 1024
    /// Connections on which one server asks for names, and questions on each.
    package static let egressNameStreamCount = 16
    package static let egressNamesPerStream = 100
    /// Of what comes as fast as a server likes one is recorded in this time, and so many alarms.
    package static let egressQuiet: Duration = .seconds(10)
    package static let egressAlarmCount = 20

    // Screening.
    /// A result of more bytes is looked through by a thread of the pool.
    package static let loopScreeningByteCount = 128 << 10
    /// After this time without a large result freed memory goes back to the system.
    package static let memoryQuietTime: Duration = .seconds(2)
    /// What is looked at beyond the end of a text that will be cut, so that no secret is missed
    /// because it lies across the cut.
    package static let screeningReach = 16 << 10

    // Calls.
    package static let callTimeout: Duration = .seconds(60)
    package static let callMaximum: Duration = .seconds(600)

    // Evidence.
    package static let recordByteCount = 1 << 20
    package static let recordedArgumentsByteCount = 64 << 10
    package static let recordedResultByteCount = 2 << 10
    package static let recordedResultMostByteCount = 64 << 10
    package static let recordedTextByteCount = 8 << 10
    package static let recordedListCount = 64
    package static let checkpointFileCount = 8
    /// How long records are kept at least, and at most, where they do not stay for good.
    package static let retentionAge: ClosedRange<Duration> =
        .seconds(86_400)
        ... .seconds(36_500 * 86_400)
    package static let retentionByteCount = 1 << 20...1 << 50
    /// How old records are at least that go by the log's size.
    package static let retentionByteAge: ClosedRange<Duration> = .zero ... .seconds(36_500 * 86_400)
    /// How far a wall clock may lie behind the last record at a start and still be believed.
    package static let clockCorrection: Duration = .seconds(5)
    /// How often the gateway looks whether the oldest records may go, and the pause between steps.
    package static let retentionLook: Duration = .seconds(60)
    package static let retentionPause: Duration = .milliseconds(250)
    package static let stateValueByteCount = 4 << 20
    package static let auditQueueCount = 16_384
    package static let auditQueueByteCount = 64 << 20
    package static let outcomeDelay: Duration = .milliseconds(5)

    // JSON Schema: one definition, and one validation by it.
    package static let schemaDepth = 64
    package static let schemaCount = 8_192
    package static let schemaPatternCount = 64
    package static let schemaTextByteCount = 4 << 10
    package static let schemaWork = 1_000_000
    package static let schemaWorkPerByte = 4
    package static let schemaEvaluationDepth = 512
    package static let schemaBacktrackingCount = 512
    package static let schemaViolationCount = 8

    // Agents.
    package static let sessionCount = 16_384
    package static let sessionsPerPrincipal = 4096
    /// How long an agent's call may be silent before its stream gets a comment.
    package static let keepAliveInterval: Duration = .seconds(15)
    /// How often sessions and running calls are looked at.
    package static let sweepInterval: Duration = .seconds(5)
    /// What is kept of a session's stream for an agent that lost it: bytes, and time after its end;
    /// and of each credential and of all: streams, and bytes.
    package static let keptEventByteCount = 256 << 10
    package static let keptStreamTime: Duration = .seconds(300)
    package static let keptStreamCount = 16_384
    package static let keptEventsByteCount = 16 << 20
    package static let keptStreamsPerPrincipal = 1024
    package static let keptEventsByteCountPerPrincipal = 1 << 20
    /// How many pages of lists one credential may ask for in a minute.
    package static let listsPerMinute = 60_000
    package static let sessionIdle: Duration = .seconds(1800)
    /// What a server asks a person by a form, in fields and bytes.
    package static let formFieldCount = 32
    package static let formByteCount = 16 << 10
    /// How often a server may ask during one call, and in one answer.
    package static let inputRoundCount = 10
    /// Before a call is sent again to a server that asked for nothing but that; doubles each round.
    package static let inputRest: Duration = .milliseconds(100)
    package static let inputRestMaximum: Duration = .seconds(2)
    /// How often a call of 2026-07-28 is sent to wait on; clients give up after ten rounds.
    package static let heldLegCount = 8
    /// A shorter hold is not made a leg.
    package static let shortestLeg = Duration.seconds(5)
    package static let inputQuestionCount = 8
    /// How many tokens a server may ask of a model at once, where nothing else is written, in how
    /// many messages, and in how many bytes.
    package static let samplingTokenCount = 1024
    package static let samplingMessageCount = 64
    package static let samplingByteCount = 256 << 10
    /// Tools a server may give a model with one question.
    package static let samplingToolCount = 32
    /// Folders an agent or the operator names.
    package static let rootCount = 64
    /// How long a person may take to answer a server.
    package static let inputTime: Duration = .seconds(300)
    /// Calls whose server waits for an answer that another request brings.
    package static let parkedCallCount = 1024
    package static let parkedCallCountPerPrincipal = 128
    /// How long a request may be continued, and what of a server's state is kept for it.
    package static let requestStateTime: Duration = .seconds(600)
    package static let requestStateByteCount = 64 << 10
    /// Our own state around it, as an agent brings it back: with the forms that were shown.
    package static let sealedStateByteCount = 512 << 10
    /// The `data` of one log message of a server.
    package static let logMessageByteCount = 64 << 10
    /// Messages of one batch, which 2025-03-26 alone has.
    package static let batchCount = 64
    /// Streams on which agents hear of changes, of all agents together.
    package static let feedCount = 16_384
    package static let feedsPerPrincipal = 4096
    /// A body in which a secret may be bound is read; a larger one is only looked through.
    package static let secretBodyByteCount = 1 << 20
    /// So is an address or a form of more fields.
    package static let secretFieldCount = 4096
    /// Certificates a server's way out keeps for the hosts whose requests are looked at.
    package static let shownCertificateCount = 256
    /// Resources one session or stream listens to.
    package static let subscriptionCount = 256
    package static let listPageItemCount = 500
    package static let requestsPerConnection = 256
    package static let controlConnectionCount = 64

    // The console.
    package static let consoleConnectionCount = 512
    package static let consoleSessionCount = 256
    package static let consoleSessionsPerPerson = 16
    /// A session nobody used for so long is over.
    package static let consoleIdle: Duration = .seconds(1800)
    /// After so long it is over however it is used.
    package static let consoleLife: Duration = .seconds(12 * 3600)
    /// How long a passphrase counts for what changes who may decide.
    package static let consoleProof: Duration = .seconds(300)
    /// Logins that may be tried from one address, and from all, in a minute.
    package static let loginsPerAddress = 10
    package static let loginsPerMinute = 30
    /// Events that wait for one slow page; then it is told everything anew.
    package static let consoleEventCount = 256
    /// Records of one page of a search, and of a file made from one.
    package static let auditPageCount = 1000
    package static let auditExportCount = 50_000
    package static let auditExportByteCount = 32 << 20

    // People.
    package static let passphraseByteCount = 8
    package static let unknownCallCount = 10_000
}
