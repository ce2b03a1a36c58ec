import Policy
import Approval
import Base
import Crypto
import JSON
import System

extension ControlCommands {
    /// `approvals list|show|approve|grant|edit|deny|watch`.
    static let approvals: [String: ControlCommand] = [
        "approvals.list": ControlCommand(level: .observe) { gateway, call in
            let questions = await gateway.desk.open().filter { call.sees($0.binding.tenant) }
            return JSONValue.array(questions.map { gateway.summary(of: $0) }).serialised()
        },
        "approvals.show": ControlCommand(level: .observe) { gateway, call in
            try await gateway.card(call)
        },
        "approvals.vote": ControlCommand(level: .decide) { gateway, call in
            try await gateway.vote(call)
        },
        "approvals.edit": ControlCommand(level: .decide) { gateway, call in
            try await gateway.edit(call)
        },
        "approvals.watch": ControlCommand(level: .observe) { gateway, call in
            await gateway.watchApprovals(call)
        },
    ]
}

extension Gateway {
    /// What a list shows of a question; never the arguments themselves.
    nonisolated func summary(of question: Question) -> JSONValue {
        var object = JSONObject()
        object["ticket"] = JSONValue(question.ticket.rawValue)
        object["tool"] = JSONValue(question.binding.tool.description)
        object["principal"] = JSONValue(question.binding.principal.rawValue)
        object["tenant"] = JSONValue(question.binding.tenant.rawValue)
        object["tier"] = JSONValue(question.tier.description)
        object["people"] = JSONValue(question.people)
        object["yes"] = JSONValue(question.votes.count)
        object["asked"] = JSONValue(question.asked.description)
        object["expires"] = JSONValue(question.expires.description)
        object["revision"] = JSONValue(question.revision)
        object["owner"] = JSONValue(question.owner.rawValue)
        object["state"] = JSONValue(question.state.word)
        if let edit = question.edit { object["edited_by"] = JSONValue(edit.by.rawValue) }
        object["reasons"] = .array(question.reasons.map { JSONValue($0) })
        return .object(object)
    }

    func question(_ call: ControlCall) async throws -> Question {
        let text = try call.request.required("ticket")
        let open = await desk.open().filter { call.sees($0.binding.tenant) }
        // The beginning of a ticket is enough for a person, as long as it names one.
        let found = open.filter { $0.ticket.rawValue.hasPrefix(text) }
        guard found.count == 1, let question = found.first else {
            throw ControlError(
                .refused,
                found.isEmpty
                    ? "no question `\(printable(text))` waits"
                    : "`\(printable(text))` names several"
            )
        }
        return question
    }

    /// The whole question, with the exact arguments, escaped for a terminal.
    func card(_ call: ControlCall) async throws -> [UInt8] {
        let question = try await question(call)
        guard case .object(var object) = summary(of: question) else { return JSONValue.done }
        let card = await card(of: question)
        object["card"] = .array(card.lines(at: parts.clock.timestamp).map { JSONValue($0) })
        object["arguments"] = JSONValue(String(decoding: question.callForm, as: UTF8.self))
        details(of: card, to: &object)
        return JSONValue.object(object).serialised()
    }

    func vote(_ call: ControlCall) async throws -> [UInt8] {
        guard let approver = call.approver else {
            throw ControlError(.refused, "this needs an approver")
        }
        let question = try await question(call)
        let isYes = call.request.bool("yes")
        let proposal = isYes ? try proposal(call, for: question) : nil
        let ballot = Ballot(
            ticket: question.ticket,
            person: PersonName(unchecked: approver.rawValue),
            isYes: isYes,
            revision: call.request.int("revision") ?? 0,
            reason: call.request.string("reason"),
            grant: proposal
        )
        // A no takes nothing from anybody: it is never locked.
        if isYes { try await requireNoDebt(ballot.person) }
        let reply: VoteReply
        if let token = call.request.string("break_glass") {
            reply = try await breakGlass(ballot, token)
        } else {
            reply = await desk.vote(ballot)
        }
        let text = try text(of: reply)
        var object = JSONObject()
        object["answer"] = JSONValue(proposal == nil ? text : "approved and granted")
        if let proposal { object["grant"] = JSONValue(proposal.id.rawValue) }
        return JSONValue.object(object).serialised()
    }

    private func breakGlass(_ ballot: Ballot, _ token: String) async throws -> VoteReply {
        do throws(BreakGlassProblem) {
            let reply = try await desk.vote(
                ballot,
                breaking: OpenSSLHashing().sha256(Array(token.utf8))
            ).get()
            parts.log("BREAK-GLASS used by \(ballot.person) for \(ballot.ticket)")
            return reply
        } catch {
            throw ControlError(.refused, "\(error)")
        }
    }

    /// Refuses who left an emergency unreviewed for too long.
    func requireNoDebt(_ person: PersonName) async throws {
        guard let id = await desk.lock(on: person) else { return }
        throw ControlError(
            .refused,
            "\(BreakGlassProblem.locked(id))",
            hint: "another person runs `gatehouse break-glass review \(id)`"
        )
    }

    /// Puts other arguments in the place of those that were asked about; they are judged anew.
    func edit(_ call: ControlCall) async throws -> [UInt8] {
        guard let approver = call.approver else {
            throw ControlError(.refused, "this needs an approver")
        }
        let question = try await question(call)
        guard let node = call.request.params?["arguments"], node.kind == .object else {
            throw ControlError(.usage, "`arguments` must be a JSON object")
        }
        let form: CallForm
        do throws(CallFormError) {
            form = try CallForm(node)
        } catch {
            throw ControlError(.usage, "the arguments cannot be taken: \(error)")
        }
        guard form.bytes.count <= Limits.reviewableByteCount else {
            throw ControlError(
                .refused,
                "the arguments are \(form.bytes.count) bytes, too long to review",
                hint: "use at most \(Limits.reviewableByteCount) bytes"
            )
        }
        try await requireNoDebt(PersonName(unchecked: approver.rawValue))
        guard form.bytes != question.callForm else {
            throw ControlError(
                .refused,
                "these are the arguments that were asked about",
                hint: "approve it instead"
            )
        }
        let judgement: EditJudgement
        switch await door.judge(form, insteadOf: question) {
        case .failure(let refusal): throw ControlError(.refused, refusal.auditText)
        case .success(let found): judgement = found
        }
        let reply = await desk.edit(
            EditedCall(
                ticket: question.ticket,
                person: PersonName(unchecked: approver.rawValue),
                revision: call.request.int("revision") ?? 0,
                callForm: form.bytes,
                digest: judgement.digest,
                people: judgement.people,
                tier: judgement.tier,
                reasons: judgement.reasons,
                causes: judgement.causes,
                pin: judgement.pin,
                policy: judgement.policy
            )
        )
        let answer: JSONValue = ["answer": JSONValue(try text(of: reply))]
        return answer.serialised()
    }

    /// What the approver hears of a vote that counts; throws what one does not count for.
    private nonisolated func text(of reply: VoteReply) throws(ControlError) -> String {
        switch reply {
        case .counted(let missing): return "yes counted; \(missing) more needed"
        case .approved: return "approved"
        case .denied: return "denied"
        case .notGrantable(let reason):
            throw ControlError(.refused, reason, hint: "nothing was approved; answer again")
        case .alreadyVoted: throw ControlError(.refused, "you answered this already")
        case .stale: throw ControlError(.refused, "the question changed; look again")
        case .closed: throw ControlError(.refused, "the question is closed")
        case .ownRequest:
            throw ControlError(.refused, "the owner of an agent does not approve its calls")
        case .unknownTicket: throw ControlError(.refused, "no such question")
        case .notRecorded:
            throw ControlError(
                .refused,
                "the answer could not be recorded, so it does not count; nothing was sent",
                hint: "`gatehouse status` shows the state of the log; answer again when it is well"
            )
        }
    }

    /// Sends a line for each change until the peer goes away.
    func watchApprovals(_ call: ControlCall) async -> [UInt8] {
        let changes = Changes(loop)
        let key = await desk.watch { _ in changes.note() }
        var isOpen = true
        while isOpen {
            let questions = await desk.waiting().filter { call.sees($0.binding.tenant) }
            let emergencies = await desk.emergencies().filter { call.sees($0.glass.tenant) }
            var object = JSONObject()
            object["waiting"] = .array(questions.map { summary(of: $0) })
            object["emergencies"] = .array(
                emergencies.map { $0.glass.summary(isOpen: $0.isOpen) }
            )
            isOpen = await call.reply.send(JSONValue.object(object).serialised())
            if isOpen { await changes.wait() }
        }
        await desk.stopWatching(key)
        return JSONValue.done
    }
}

/// Wakes one waiter when something changed; several changes are one.
private final class Changes: Sendable {
    private let loop: EventLoop
    private let state = Lock(State())

    private struct State {
        var isDirty = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    init(_ loop: EventLoop) { self.loop = loop }

    func note() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.isDirty = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns at the next change, or after 15 seconds, so that a peer that went is noticed.
    func wait() async {
        let timer = loop.spawn { [loop] in
            guard (try? await loop.sleep(for: .seconds(15))) != nil else { return }
            self.note()
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let isDirty = state.withLock { state in
                guard !state.isDirty else { return true }
                state.waiter = continuation
                return false
            }
            if isDirty { continuation.resume() }
        }
        state.withLock { $0.isDirty = false }
    }
}
