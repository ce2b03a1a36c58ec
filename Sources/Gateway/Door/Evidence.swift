import Audit
import Base
import JSON
import Policy
import Screening

/// Turns the steps of a call into records.
package final class Evidence: Sendable {
    let environment: EnvironmentName
    let clock: any Clock
    let hashing: any Hashing
    let random: any RandomSource
    let screener: Screener

    init(
        environment: EnvironmentName,
        clock: any Clock,
        hashing: any Hashing,
        random: any RandomSource,
        screener: Screener
    ) {
        self.environment = environment
        self.clock = clock
        self.hashing = hashing
        self.random = random
        self.screener = screener
    }

    /// The record that a call is about to be sent, or was refused: who, what, why.
    func judgement(
        _ kind: RecordKind,
        _ judged: JudgedCall,
        approval: String? = nil,
        refusal: Refusal? = nil
    ) -> AuditRecord {
        let form = judged.call.arguments
        let salt = Salt(from: random)
        let redacted = screener.screen(
            utf8: form.bytes,
            limitInBytes: Limits.recordedArgumentsByteCount
        )
        let given = judged.call.given?.responses
        let answers = given.map {
            screener.screen(utf8: $0.bytes, limitInBytes: Limits.recordedArgumentsByteCount)
        }
        let leading = judged.verdict.reasons.first
        return AuditRecord(
            kind,
            at: clock.timestamp,
            of: judged.parties,
            call: judged.id,
            detail: .judgement(
                JudgementDetail(
                    verdict: refusal == nil ? judged.verdict.decision.description : "refuse",
                    tier: judged.verdict.tier.description,
                    rule: refusal?.rule ?? leading?.name ?? judged.verdict.lifted.first,
                    // A refusal may quote what the call says.
                    reason: refusal.map { screener.screen(text: $0.auditText).text }
                        ?? leading?.fact,
                    refusal: refusal?.code,
                    approval: approval,
                    policy: judged.tool.policy.digest,
                    pin: judged.tool.pin,
                    arguments: redacted.text,
                    argumentsByteCount: form.bytes.count,
                    commitment: salt.commitment(to: form.bytes, hashing),
                    answers: answers?.text,
                    answersByteCount: given.map(\.bytes.count),
                    answersCommitment: given.map { salt.commitment(to: $0.bytes, hashing) },
                    redacted: Self.names(redacted.report, answers?.report)
                )
            ),
            salt: salt
        )
    }

    /// The rules that replaced something in the arguments or answers.
    private static func names(_ report: ScreeningReport, _ other: ScreeningReport?) -> [String] {
        guard !report.redactions.isEmpty || other?.redactions.isEmpty == false else { return [] }
        return Set(report.redactions.keys).union(other.map { Array($0.redactions.keys) } ?? [])
            .sorted()
    }

    /// The record that a call was refused before it had a tool: what was asked, as it came.
    func unresolved(
        _ principal: Principal,
        _ arguments: ArraySlice<UInt8>,
        id: String,
        _ refusal: Refusal
    ) -> AuditRecord {
        let salt = Salt(from: random)
        let redacted = screener.screen(
            utf8: Array(arguments),
            limitInBytes: Limits.recordedArgumentsByteCount
        )
        return AuditRecord(
            .judged,
            at: clock.timestamp,
            tenant: principal.tenant,
            environment: environment,
            call: id,
            principal: principal.owner,
            run: principal.run,
            detail: .judgement(
                JudgementDetail(
                    verdict: "refuse",
                    rule: refusal.rule,
                    reason: screener.screen(text: refusal.auditText).text,
                    refusal: refusal.code,
                    arguments: redacted.text,
                    argumentsByteCount: arguments.count,
                    commitment: salt.commitment(to: arguments, hashing),
                    redacted: redacted.report.redactions.keys.sorted()
                )
            ),
            salt: salt
        )
    }
}
