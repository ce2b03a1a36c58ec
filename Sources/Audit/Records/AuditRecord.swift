package import Base

/// One fact of the audit log, before it becomes a leaf.
///
/// The common members say who, where and which call; `detail` says what. Its place in the log is
/// its leaf index, which the store gives it.
package final class AuditRecord: Sendable {
    package let kind: RecordKind
    package let time: Timestamp
    /// Whose it is and what it is about.
    package let parties: RecordParties
    /// Our own id of the call; the same in every record of one call.
    package let call: String?
    package let detail: RecordDetail
    /// The secret behind the commitments of this record; stored beside the log, deletable.
    package let salt: Salt?

    package var tenant: TenantID { parties.tenant }
    package var environment: EnvironmentName { parties.environment }
    package var principal: PrincipalName? { parties.principal }
    package var run: String? { parties.run }
    package var server: ServerName? { parties.server }
    package var tool: ToolName? { parties.tool }

    package init(
        _ kind: RecordKind,
        at time: Timestamp,
        of parties: RecordParties,
        call: String?,
        detail: RecordDetail,
        salt: Salt? = nil
    ) {
        self.kind = kind
        self.time = time
        self.parties = parties
        self.call = call
        self.detail = detail
        self.salt = salt
    }

    /// A record whose parties are of no other.
    package convenience init(
        _ kind: RecordKind,
        at time: Timestamp,
        tenant: TenantID,
        environment: EnvironmentName,
        call: String? = nil,
        principal: PrincipalName? = nil,
        run: String? = nil,
        server: ServerName? = nil,
        tool: ToolName? = nil,
        detail: RecordDetail = .fields([]),
        salt: Salt? = nil
    ) {
        self.init(
            kind,
            at: time,
            of: RecordParties(
                tenant: tenant,
                environment: environment,
                principal: principal,
                run: run,
                server: server,
                tool: tool
            ),
            call: call,
            detail: detail,
            salt: salt
        )
    }
}

/// What a record says beyond who and where.
package enum RecordDetail: Sendable {
    /// Of `proposed`, `judged` and `intent`.
    case judgement(JudgementDetail)
    /// Of `outcome`.
    case outcome(OutcomeDetail)
    /// Of every other kind; written in the order of their names.
    case fields([RecordField])
}

/// How a call was judged, and what was asked.
///
/// A class only because it is handed from step to step: one reference is cheaper to hold than all the
/// texts inside.
package final class JudgementDetail: Sendable {
    /// What the server is told beside the arguments, after redaction; cut like the arguments.
    package let answers: String?
    /// Length of the whole answers.
    package let answersByteCount: Int?
    /// HMAC-SHA-256 of the whole, unredacted answers under the record's salt.
    package let answersCommitment: Digest?
    /// The approval that is asked for or spent.
    package let approval: String?
    /// The call form after redaction; cut at `Limits.recordedArgumentsByteCount`.
    package let arguments: String?
    /// Length of the whole call form.
    package let argumentsByteCount: Int?
    /// HMAC-SHA-256 of the whole, unredacted call form under the record's salt.
    package let commitment: Digest?
    /// Digest of the accepted tool definition.
    package let pin: Digest?
    /// Digest of the checked policy that applied.
    package let policy: Digest?
    /// One line for the operator.
    package let reason: String?
    /// Names of the redaction rules that replaced something in `arguments`.
    package let redacted: [String]
    package let refusal: Refusal.Code?
    /// The rule, limit or default that decided.
    package let rule: String?
    package let tier: String?
    /// `allow`, `ask`, `ask-two` or `refuse`.
    package let verdict: String

    package init(
        verdict: String,
        tier: String? = nil,
        rule: String? = nil,
        reason: String? = nil,
        refusal: Refusal.Code? = nil,
        approval: String? = nil,
        policy: Digest? = nil,
        pin: Digest? = nil,
        arguments: String? = nil,
        argumentsByteCount: Int? = nil,
        commitment: Digest? = nil,
        answers: String? = nil,
        answersByteCount: Int? = nil,
        answersCommitment: Digest? = nil,
        redacted: [String] = []
    ) {
        self.verdict = verdict
        self.tier = tier
        self.rule = rule
        self.reason = reason
        self.refusal = refusal
        self.approval = approval
        self.policy = policy
        self.pin = pin
        self.arguments = arguments
        self.argumentsByteCount = argumentsByteCount
        self.commitment = commitment
        self.answers = answers
        self.answersByteCount = answersByteCount
        self.answersCommitment = answersCommitment
        self.redacted = redacted
    }
}

/// What came of a call.
package struct OutcomeDetail: Sendable {
    package enum Status: String, Sendable, CaseIterable {
        /// The tool answered.
        case ok
        /// The tool answered that it failed (`isError`).
        case toolError = "tool-error"
        /// The upstream answered with a JSON-RPC error or with something that is no answer.
        case fault
        /// Nothing was sent: the upstream could not be reached.
        case notSent = "not-sent"
        case timeout
        case cancelled
        /// The answer was not given to the agent.
        case withheld
        /// The connection was lost after sending; whether it was done is not known.
        case lost
    }

    package var status: Status
    package var duration: Duration
    package var receivedByteCount: Int
    package var givenByteCount: Int
    /// HMAC-SHA-256 under the record's salt of the result, or the error's message, as it came.
    package var receivedCommitment: Digest?
    /// HMAC-SHA-256 under the record's salt of the screened result the agent was given.
    package var givenCommitment: Digest?
    package var isCut: Bool
    /// Names of the redaction rules that replaced something in the result.
    package var redacted: [String]
    /// The beginning of the screened result; recorded as cut when it is shorter than what was given.
    package var result: String?
    /// One line: what went wrong.
    package var error: String?

    package init(
        status: Status,
        duration: Duration,
        receivedByteCount: Int = 0,
        givenByteCount: Int = 0,
        receivedCommitment: Digest? = nil,
        givenCommitment: Digest? = nil,
        isCut: Bool = false,
        redacted: [String] = [],
        result: String? = nil,
        error: String? = nil
    ) {
        self.status = status
        self.duration = duration
        self.receivedByteCount = receivedByteCount
        self.givenByteCount = givenByteCount
        self.receivedCommitment = receivedCommitment
        self.givenCommitment = givenCommitment
        self.isCut = isCut
        self.redacted = redacted
        self.result = result
        self.error = error
    }
}

/// A named value of a record that is written too rarely to have a type of its own.
package struct RecordField: Sendable {
    package enum Value: Sendable {
        case text(String)
        case texts([String])
        case integer(Int64)
        case flag(Bool)
        case digest(Digest)
        case time(Timestamp)
    }

    package let name: StaticString
    package let value: Value

    /// `name` is ASCII letters, and unique among the fields of one record.
    package init(_ name: StaticString, _ value: Value) {
        self.name = name
        self.value = value
    }

    package init(_ name: StaticString, _ text: String) { self.init(name, .text(text)) }
}

/// 32 random bytes that make a commitment say nothing to who does not hold them.
///
/// Held as four big-endian words, so that a record of its own allocates nothing for it.
package struct Salt: Hashable, Sendable {
    package static let byteCount = 32
    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    package init(from random: any RandomSource) {
        (first, second, third, fourth) = random.fourWords()
    }

    /// Nil unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard let digest = Digest(bytes: bytes) else { return nil }
        (first, second, third, fourth) = digest.words
    }

    package var words: (UInt64, UInt64, UInt64, UInt64) { (first, second, third, fourth) }

    package var bytes: [UInt8] { Digest(words: words).bytes }

    /// HMAC-SHA-256 of `content` under this salt.
    package func commitment(to content: [UInt8], _ hashing: any Hashing) -> Digest {
        hashing.hmacSHA256(key: words, content[...])
    }

    package func commitment(
        to content: ArraySlice<UInt8>,
        _ hashing: any Hashing
    ) -> Digest {
        hashing.hmacSHA256(key: words, content)
    }
}
