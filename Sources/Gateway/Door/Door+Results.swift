package import Audit
import Base
import JSON
import JSONSchema
import MCP
import Policy
import Screening
import System
package import Storage

extension Door {
    /// Screens what came, records the outcome, and gives the agent what it may see.
    func finish(_ judged: JudgedCall, _ result: consuming UpstreamResult) async -> CallAnswer {
        switch result.answer {
        case .success(.result(let node)) where judged.tool.kind.isAskedByServer:
            return await giveBack(judged, result, node)
        case .success(.result(let node)) where judged.call.isAnswer:
            await settleInOrder(judged, OutcomeDetail(status: .ok, duration: result.duration))
            return .result(node, verdict: judged.id)
        case .success(.result(let node)):
            return await deliver(judged, result, node)
        case .success(.input(let node)):
            return await requestInput(judged, result, node)
        case .success(.error(-32021, let message, let data)) where judged.call.revision.isModern:
            return await passOn(judged, result, -32021, message, data)
        case .success(.error(let code, let message, let data)) where judged.tool.kind != .tool:
            return await passOn(judged, result, code, message, data)
        case .success(.error(let code, let message, _)):
            let text = screener.screen(
                text: message,
                untrustedSource: judged.tool.policy.result == .own
                    ? nil : judged.tool.reference.description
            )
            await settleInOrder(
                judged,
                OutcomeDetail(
                    status: .fault,
                    duration: result.duration,
                    redacted: text.report.redactions.keys.sorted(),
                    error: "upstream error \(code)"
                ),
                received: result.bytes
            )
            return .refused(
                Refusal(
                    code: .upstreamFault,
                    rule: "upstream",
                    agentText: "the server answered with an error: \(text.text)",
                    auditText: "upstream error \(code)"
                ),
                verdict: judged.id
            )
        case .failure(let failure):
            return await fail(judged, result, failure)
        }
    }

    /// `finish` where nothing is waited for, as at the end of most calls; nil where something is.
    func finishNow(_ judged: JudgedCall, _ result: UpstreamResult) -> CallAnswer? {
        guard case .success(.result(let node)) = result.answer,
            !judged.tool.kind.isAskedByServer, !judged.call.isAnswer, !isSettledFirst(judged),
            node.byteCount <= Limits.loopScreeningByteCount
        else { return nil }
        let seen = Self.screenAndRead(node, of: judged.tool, by: screener)
        var delivery = delivery(judged, result.duration, seen)
        judged.tally.settled(delivery.outcome.status, in: delivery.outcome.duration)
        let salt = Salt(from: random)
        delivery.outcome.receivedByteCount = node.sourceRange.count
        delivery.outcome.givenByteCount = delivery.given?.count ?? 0
        (delivery.outcome.receivedCommitment, delivery.outcome.givenCommitment) =
            Self.commitments(salt, node.source, delivery.given, hashing)
        var transaction = Transaction(evidence.outcome(judged, delivery.outcome, salt))
        transaction.changes = delivery.changes
        store.note(transaction)
        return delivery.answer
    }

    /// What came is let go as soon as it is hashed: a large result is held once, not twice.
    private func deliver(
        _ judged: JudgedCall,
        _ result: consuming UpstreamResult,
        _ node: consuming JSONNode
    ) async -> CallAnswer {
        let seen: Result<SeenResult, ResultFault>
        if node.byteCount <= Limits.loopScreeningByteCount {
            seen = Self.screenAndRead(node, of: judged.tool, by: screener)
        } else if let found = await screenBesideLoop(node, of: judged.tool) {
            seen = found
        } else {
            return await withhold(
                judged,
                result,
                .withheld,
                .withheld,
                "too many large results are looked through at once"
            )
        }
        let delivery = delivery(judged, result.duration, seen)
        await settleInOrder(
            judged,
            delivery.outcome,
            received: result.bytes,
            given: delivery.given,
            changes: delivery.changes
        )
        return delivery.answer
    }

    /// What the agent is given of a result, and what is recorded of it.
    private struct Delivery {
        let answer: CallAnswer
        var outcome: OutcomeDetail
        var given: ArraySlice<UInt8>?
        var changes: [StateChange] = []
    }

    private func delivery(
        _ judged: JudgedCall,
        _ duration: Duration,
        _ seen: Result<SeenResult, ResultFault>
    ) -> Delivery {
        switch seen {
        case .failure(let fault):
            return withheld(judged, duration, .fault, .upstreamFault, "\(fault)")
        case .success(let seen):
            guard let root = seen.root.map({ Self.named($0, for: judged) }) else {
                let reason = "it cannot be read again"
                return withheld(judged, duration, .withheld, .withheld, reason)
            }
            var status = OutcomeDetail.Status.ok
            if judged.tool.kind == .tool, root["isError"]?.bool == true { status = .toolError }
            var redacted: [String] = []
            var isCut = false
            if !seen.report.isClean {
                if !seen.report.withheld.isEmpty { status = .withheld }
                redacted = seen.report.redactions.keys.sorted()
                isCut = !seen.report.cuts.isEmpty
            }
            if seen.hiddenCount > 0 { redacted.append("denied_path") }
            let given = root.source
            return Delivery(
                answer: .result(root, verdict: nil),
                outcome: OutcomeDetail(
                    status: status,
                    duration: duration,
                    isCut: isCut,
                    redacted: redacted,
                    result: excerpt(of: given)
                ),
                given: given,
                changes: unknown.settle(judged)
            )
        }
    }

    /// The beginning of what the agent was given, cut at a code point.
    func excerpt(of bytes: ArraySlice<UInt8>) -> String {
        var end =
            bytes.index(
                bytes.startIndex,
                offsetBy: resultByteCount,
                limitedBy: bytes.endIndex
            ) ?? bytes.endIndex
        while end > bytes.startIndex, end < bytes.endIndex, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// The call was done, and its result is not given.
    func withhold(
        _ judged: JudgedCall,
        _ result: UpstreamResult,
        _ status: OutcomeDetail.Status,
        _ code: Refusal.Code,
        _ reason: String
    ) async -> CallAnswer {
        let delivery = withheld(judged, result.duration, status, code, reason)
        await settleInOrder(judged, delivery.outcome, received: result.bytes)
        return delivery.answer
    }

    private func withheld(
        _ judged: JudgedCall,
        _ duration: Duration,
        _ status: OutcomeDetail.Status,
        _ code: Refusal.Code,
        _ reason: String
    ) -> Delivery {
        Delivery(
            answer: .refused(
                Refusal(
                    code: code,
                    rule: "screening",
                    agentText: "the call was done, but its result is not given: \(reason)"
                ),
                verdict: judged.id
            ),
            outcome: OutcomeDetail(status: status, duration: duration, error: reason)
        )
    }

    /// A large result is looked through beside the loop, as what it holds is the server's choice.
    ///
    /// On the loop all agents would wait. Nil when too many are looked through already.
    private func screenBesideLoop(
        _ node: JSONNode,
        of tool: ToolEntry
    ) async -> Result<SeenResult, ResultFault>? {
        let screener = screener
        memory.noteLargeMessage()
        return try? await pool.run { Self.screenAndRead(node, of: tool, by: screener) }
    }

    /// A result as it may be seen.
    private struct SeenResult: Sendable {
        /// Nil where it cannot be read again.
        let root: JSONNode?
        let report: ScreeningReport
        /// How many names of denied paths were taken out of it.
        let hiddenCount: Int
    }

    private static func screenAndRead(
        _ came: JSONNode,
        of tool: ToolEntry,
        by screener: Screener
    ) -> Result<SeenResult, ResultFault> {
        do throws(ResultFault) {
            var names = DeniedNames(tool.policy.denied, isListing: tool.isListing)
            var node = came
            if let bytes = names.taken(from: came, of: tool.kind) {
                let limits = JSONLimits.result
                guard let document = try? JSONDocument(parsing: bytes, limits: limits) else {
                    return .failure(.notAnObject)
                }
                node = document.root
            }
            let screened = try screener.screen(result: node, context: tool.screening)
            return .success(
                SeenResult(
                    root: screened.read(),
                    report: screened.report,
                    hiddenCount: names.count
                )
            )
        } catch {
            return .failure(error)
        }
    }

    private func fail(
        _ judged: JudgedCall,
        _ result: UpstreamResult,
        _ failure: UpstreamFailure
    ) async -> CallAnswer {
        let status: OutcomeDetail.Status =
            switch failure.kind {
            case .notSent: .notSent
            case .lost: .lost
            case .timedOut: .timeout
            case .cancelled: .cancelled
            case .invalidAnswer: .fault
            }
        let mayBeDone = failure.kind != .notSent && judged.verdict.tier != .read
        await settleInOrder(
            judged,
            OutcomeDetail(
                status: status,
                duration: result.duration,
                error: screener.screen(text: failure.description).text
            ),
            changes: mayBeDone ? [unknown.note(judged)] : []
        )
        let server = judged.tool.reference.server
        let text =
            mayBeDone
            ? "the server `\(server)` gave no answer (\(status.rawValue)); whether the call was done "
                + "is not known: look before you call again, the same call will ask a person"
            : "the server `\(server)` "
                + (failure.advice ?? "gave no answer (\(status.rawValue)); try again later")
        return .refused(
            Refusal(
                code: failure.kind == .notSent ? .serverUnavailable : .unknownOutcome,
                rule: "server \(server)",
                agentText: text,
                auditText: failure.description
            ),
            verdict: judged.id
        )
    }

    /// Whether the reply waits for the record of the outcome: one to an agent at T2 and T3 only, one
    /// to a server always.
    private func isSettledFirst(_ judged: JudgedCall) -> Bool {
        judged.verdict.tier >= .destructive || judged.tool.kind.isAskedByServer
    }

    /// Records the outcome before the reply, where that is to wait for it.
    ///
    /// False where it was waited for and could not be recorded.
    @discardableResult
    func settleInOrder(
        _ judged: JudgedCall,
        _ detail: OutcomeDetail,
        received: ArraySlice<UInt8>? = nil,
        given: ArraySlice<UInt8>? = nil,
        changes: [StateChange] = []
    ) async -> Bool {
        judged.tally.settled(detail.status, in: detail.duration)
        var detail = detail
        var salt: Salt?
        if let received {
            let fresh = Salt(from: random)
            detail.receivedByteCount = received.count
            detail.givenByteCount = given?.count ?? 0
            if received.count <= Limits.loopScreeningByteCount {
                (detail.receivedCommitment, detail.givenCommitment) =
                    Self.commitments(fresh, received, given, hashing)
            } else {
                (detail.receivedCommitment, detail.givenCommitment) =
                    await commitmentsBesideLoop(fresh, received, given)
            }
            salt = fresh
        }
        var transaction = Transaction(evidence.outcome(judged, detail, salt))
        transaction.changes = changes
        guard isSettledFirst(judged) else {
            store.note(transaction)
            return true
        }
        return await store.noteDurably(transaction)
    }

    /// The first record that is still compared with calls to come.
    var firstUnknownIntent: UInt64? { unknown.firstIntent }

    /// Takes up the calls whose outcome an earlier process never learned.
    ///
    /// `left` are the intents this start closed; their rows lie in the store unless it could not
    /// be written.
    package func restoreUnknown(
        from store: any RecordStore,
        _ left: [RecoveredIntent]
    ) async throws(StoreError) {
        for intent in left { unknown.note(intent) }
        for entry in try await store.allEntries(.unknownCalls) {
            guard let leaf = UnknownCalls.leaf(of: entry) else {
                unknown.restore(entry)
                continue
            }
            guard let stored = try await store.leaves(from: leaf, limit: 1).first,
                let head = RecordHead(leaf: stored.bytes)
            else { continue }
            let salt = try await store.salt(of: leaf)
            unknown.note(RecoveredIntent(leaf: leaf, head: head, salt: salt))
        }
    }

    func settle(_ judged: JudgedCall, _ detail: OutcomeDetail) {
        judged.tally.settled(detail.status, in: detail.duration)
        store.note(evidence.outcome(judged, detail))
    }
}

extension Door {
    /// What the salt's holder can compare.
    private static func commitments(
        _ salt: Salt,
        _ received: ArraySlice<UInt8>,
        _ given: ArraySlice<UInt8>?,
        _ hashing: any Hashing
    ) -> (Digest, Digest?) {
        let came = salt.commitment(to: received, hashing)
        // What was given as it came is hashed once.
        return (came, given.map { $0 == received ? came : salt.commitment(to: $0, hashing) })
    }

    /// The same of a large result.
    private func commitmentsBesideLoop(
        _ salt: Salt,
        _ received: ArraySlice<UInt8>,
        _ given: ArraySlice<UInt8>?
    ) async -> (Digest, Digest?) {
        let hashing = hashing
        return (try? await pool.run { Self.commitments(salt, received, given, hashing) })
            ?? Self.commitments(salt, received, given, hashing)
    }
}

extension Evidence {
    func outcome(
        _ judged: JudgedCall,
        _ detail: OutcomeDetail,
        _ salt: Salt? = nil
    ) -> AuditRecord {
        AuditRecord(
            .outcome,
            at: clock.timestamp,
            of: judged.parties,
            call: judged.id,
            detail: .outcome(detail),
            salt: salt
        )
    }
}
