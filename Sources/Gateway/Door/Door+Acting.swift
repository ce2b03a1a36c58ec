import Approval
import Audit
import Base
import JSON
import JSONSchema
import MCP
import Policy
import Screening
import System

/// The intent on disk, everything read again, and the call sent once.
extension Door {
    /// Records the intent, re-reads what the verdict rests on, sends, screens, settles.
    @inline(__always)
    func act(
        _ judged: JudgedCall,
        _ approval: SpentApproval?,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> CallAnswer {
        var lease: LimitLease?
        // An answer belongs to a call that runs already.
        if !judged.call.isAnswer {
            switch limits.begin(
                judged.call.arguments,
                of: judged.principal.subject,
                under: judged.tool.policy
            ) {
            case .failure(let full):
                if let approval { await questions?.notSpent(approval) }
                return refuse(judged, Self.refusal(for: full.excess))
            case .success(let taken): lease = taken
            }
        }
        defer { if let lease { limits.end(lease) } }
        let place = running.begin(RunningCall(judged: judged, cancellation: cancellation))
        defer { running.end(place) }

        var intent = Transaction(
            evidence.judgement(.intent, judged, approval: approval?.name)
        )
        if let approval {
            intent.records += approval.records
            intent.changes += approval.changes
        }
        let recorded = await unsafe withUnsafeContinuation { unsafe store.submit(intent, $0) }
        // A disk that hung held the loop with it: what came meanwhile is read first, a lockdown above
        // all.
        if loop.isBehind { await loop.catchUp() }
        if case .failure(let error) = recorded {
            if let approval { await questions?.notSpent(approval) }
            return refuse(judged, Self.refusal(for: error))
        }
        if let refusal = changed(since: judged) {
            tally.refused(refusal.code)
            judged.tally.judged(.refused, judged.verdict.tier)
            settle(judged, OutcomeDetail(status: .notSent, duration: .zero, error: refusal.rule))
            let answer = CallAnswer.refused(refusal, verdict: judged.id)
            guard let approval else { return answer }
            await questions?.ended(approval, isKnown: true)
            return Self.unsent(answer, having: approval)
        }
        judged.tally.judged(approval == nil ? .allowed : .approved, judged.verdict.tier)
        if !judged.call.isAnswer { usual.note(judged, isApproved: approval != nil) }
        let (answer, failure) = await dispatch(
            AuthorizedCall(judged),
            channel: channel,
            cancellation: cancellation
        )
        guard let approval else { return answer }
        await questions?.ended(approval, isKnown: failure == nil || failure == .notSent)
        return failure == .notSent ? Self.unsent(answer, having: approval) : answer
    }

    /// Tells the agent that the yes is gone although nothing was sent.
    ///
    /// It does not come back: its spend is on the disk, nobody can be shown its arguments any more, and
    /// while it was spent nothing ended it that ends a waiting yes. Of standing yeses agents know
    /// nothing; the use counts.
    private static func unsent(
        _ answer: CallAnswer,
        having approval: SpentApproval
    ) -> CallAnswer {
        guard case .question = approval.source, case .refused(let refusal, let verdict) = answer,
            refusal.code != .revoked
        else { return answer }
        return .refused(
            Refusal(
                code: refusal.code,
                rule: refusal.rule,
                agentText: refusal.agentText
                    + "; the approval of this call is used up, sent again it asks a person anew",
                auditText: refusal.auditText
            ),
            verdict: verdict
        )
    }

    /// Whether what the verdict rests on still holds, read again after every wait.
    func changed(since judged: JudgedCall) -> Refusal? {
        if let lockdown = lockdowns.first(where: {
            $0.covers(judged.principal, judged.tool.reference)
        }) {
            return lockdown.refusal
        }
        // Expiry changes no generation, so that this is asked in any case.
        guard tokens.isLive(judged.principal) else { return Self.revoked }
        guard judged.generation != generation else { return nil }
        guard
            let (_, tool) = catalogue.find(
                judged.call.spelling,
                at: judged.call.endpoint,
                tenant: judged.principal.tenant
            ), tool.pin == judged.tool.pin, tool.policy.digest == judged.tool.policy.digest
        else {
            return Refusal(
                code: .changed,
                rule: "policy",
                agentText: "refused: the tool or its policy changed while the call waited; "
                    + "list the tools and call again"
            )
        }
        return nil
    }

    static let revoked = Refusal(
        code: .revoked,
        rule: "token",
        agentText: "refused: this credential was revoked or has expired"
    )

    static func refusal(for error: StoreError) -> Refusal {
        if case .conflict = error {
            return Refusal(
                code: .changed,
                rule: "approval",
                agentText: "refused: the approval was used or withdrawn; call again to ask anew",
                auditText: "\(error)"
            )
        }
        return Refusal(
            code: .evidenceUnavailable,
            rule: "audit",
            agentText: "refused: the call cannot be recorded now, and nothing runs unrecorded; "
                + "try again later",
            auditText: "\(error)"
        )
    }

    static func refusal(for excess: LimitExcess) -> Refusal {
        Refusal(
            code: excess.code,
            rule: "limit \(excess.limit)",
            agentText: "refused by limit \(excess.limit); wait for a running call to end"
        )
    }

    /// Sends the call, once: the type of `authorized` sees to it.
    ///
    /// With the answer comes how the server failed to give one.
    @inline(__always)
    func dispatch(
        _ authorized: consuming AuthorizedCall,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> (CallAnswer, UpstreamFailure.Kind?) {
        let judged = authorized.judged
        loop.answersDue += 1
        defer { loop.answersDue -= 1 }
        let result = await forward(authorized, channel: channel, cancellation: cancellation)
        let duration = result.duration
        let failure: UpstreamFailure.Kind? =
            if case .failure(let failure) = result.answer { failure.kind } else { nil }
        let answer: CallAnswer
        if let given = finishNow(judged, result) {
            answer = given
        } else {
            answer = await finish(judged, result)
        }
        countOwnTime(judged, upstream: duration)
        return (answer, failure)
    }

    @inline(__always)
    func forward(
        _ authorized: consuming AuthorizedCall,
        channel: any ReplyChannel,
        cancellation: CallCancellation
    ) async -> UpstreamResult {
        let judged = authorized.judged
        guard !judged.tool.kind.isAskedByServer else { return await askAgent(judged) }
        if judged.call.isAnswer, let given = judged.call.given {
            let answer = UpstreamAnswer.result(given.responses.document.root)
            return UpstreamResult(answer: .success(answer), duration: .zero)
        }
        let tool = judged.tool
        let form = judged.call.arguments
        let began = clock.instant
        let progress = Progress(judged, channel: channel, screener: screener, loop: loop)
        let sink: NotificationSink
        if let progress { sink = progress.sink } else { sink = { _, _ in } }
        let answer: Result<UpstreamAnswer, UpstreamFailure>
        do throws(UpstreamFailure) {
            answer = .success(
                try await converse(
                    judged,
                    tool.serverCall(form),
                    channel: channel,
                    cancellation: cancellation,
                    notifications: sink
                )
            )
        } catch {
            answer = .failure(error)
        }
        if let progress, !(progress as any Finishing).finishNow() { await progress.finish() }
        return UpstreamResult(answer: answer, duration: clock.instant.duration(since: began))
    }
}

/// What is asked of the door on its loop, without a switch of actors.
protocol CallRules: Sendable {
    /// Whether what the verdict rests on still holds.
    func allows(_ judged: JudgedCall) -> Bool
}

extension Door: @preconcurrency CallRules {
    func allows(_ judged: JudgedCall) -> Bool { changed(since: judged) == nil }
}

/// A call that was judged, approved where asked, recorded, and found unchanged.
///
/// It may be sent, once: only the door makes one, and sending consumes it.
package struct AuthorizedCall: ~Copyable, Sendable {
    package let judged: JudgedCall

    fileprivate init(_ judged: JudgedCall) { self.judged = judged }
}
