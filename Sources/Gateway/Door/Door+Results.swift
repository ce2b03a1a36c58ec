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
    @inline(__always)
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

    /// What came is let go as soon as it is hashed: a large result is held once, not twice.
    @inline(__always)
    private func deliver(
        _ judged: JudgedCall,
        _ result: consuming UpstreamResult,
        _ node: consuming JSONNode
    ) async -> CallAnswer {
        let (screened, root, hiddenCount): (ScreenedResult, JSONNode?, Int)
        let looked: Result<(ScreenedResult, JSONNode?, Int), ResultFault>
        if node.source.count <= Limits.loopScreeningByteCount {
            looked = Self.screenAndRead(node, of: judged.tool, by: screener)
        } else if let found = await screenBesideLoop(node, of: judged.tool) {
            looked = found
        } else {
            return await withhold(
                judged,
                result,
                .withheld,
                .withheld,
                "too many large results are looked through at once"
            )
        }
        switch looked {
        case .failure(let fault):
            return await withhold(judged, result, .fault, .upstreamFault, "\(fault)")
        case .success(let found): (screened, root, hiddenCount) = found
        }
        guard let root = root.map({ Self.named($0, for: judged) }) else {
            return await withhold(judged, result, .withheld, .withheld, "it cannot be read again")
        }
        let report = screened.report
        let isError = judged.tool.kind == .tool && root["isError"]?.bool == true
        let given = root.source
        var redacted = report.redactions.isEmpty ? [] : report.redactions.keys.sorted()
        if hiddenCount > 0 { redacted.append("denied_path") }
        await settleHere(
            judged,
            OutcomeDetail(
                status: !report.withheld.isEmpty ? .withheld : isError ? .toolError : .ok,
                duration: result.duration,
                isCut: !report.cuts.isEmpty,
                redacted: redacted,
                result: excerpt(of: given)
            ),
            received: result.bytes,
            given: given,
            changes: unknown.settle(judged)
        )
        return .result(root, verdict: nil)
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
        await settleInOrder(
            judged,
            OutcomeDetail(
                status: status,
                duration: result.duration,
                error: reason
            ),
            received: result.bytes
        )
        return .refused(
            Refusal(
                code: code,
                rule: "screening",
                agentText: "the call was done, but its result is not given: \(reason)"
            ),
            verdict: judged.id
        )
    }

    /// A large result is looked through beside the loop, as what it holds is the server's choice.
    ///
    /// On the loop all agents would wait. Nil when too many are looked through already.
    private func screenBesideLoop(
        _ node: JSONNode,
        of tool: ToolEntry
    ) async -> Result<(ScreenedResult, JSONNode?, Int), ResultFault>? {
        let screener = screener
        memory.noteLargeMessage()
        return try? await pool.run { Self.screenAndRead(node, of: tool, by: screener) }
    }

    /// The result as it may be seen, and read again where that is not what came; with how many names
    /// of denied paths were taken out of it.
    private static func screenAndRead(
        _ came: JSONNode,
        of tool: ToolEntry,
        by screener: Screener
    ) -> Result<(ScreenedResult, JSONNode?, Int), ResultFault> {
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
            let screened = try screen(node, of: tool, by: screener)
            guard screened.report.changedContent || screened.report.isMarked else {
                return .success((screened, node, names.count))
            }
            let document = try? JSONDocument(parsing: screened.bytes, limits: .screened)
            return .success((screened, document?.root, names.count))
        } catch {
            return .failure(error)
        }
    }

    private static func screen(
        _ node: JSONNode,
        of tool: ToolEntry,
        by screener: Screener
    ) throws(ResultFault) -> ScreenedResult {
        var check: (@Sendable (JSONNode) -> String?)?
        if let schema = tool.output {
            check = { value in
                do throws(SchemaFailure) {
                    try schema.validate(value)
                    return nil
                } catch {
                    // Not screened yet: of the value itself nothing may be told.
                    return error.description(showsValues: false)
                }
            }
        }
        return try screener.screen(
            result: node,
            context: ScreeningContext(
                of: tool.kind.resultKind,
                source: tool.source,
                isUntrusted: tool.policy.result != .own,
                checkOutput: check
            )
        )
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

    /// Records the outcome: a reply to an agent waits for it at T2 and T3 only, one to a server
    /// always.
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
        await settleHere(judged, detail, received: received, given: given, changes: changes)
    }

    /// Inlined where a usual call ends: another asynchronous function would cost it two switches of
    /// tasks.
    @inline(__always)
    @discardableResult
    private func settleHere(
        _ judged: JudgedCall,
        _ detail: OutcomeDetail,
        received: ArraySlice<UInt8>?,
        given: ArraySlice<UInt8>?,
        changes: [StateChange]
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
        let isAwaited = judged.verdict.tier >= .destructive || judged.tool.kind.isAskedByServer
        guard isAwaited else {
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
