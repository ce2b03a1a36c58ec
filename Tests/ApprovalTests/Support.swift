import Approval
import Base
import Crypto
import Policy

let hashing = OpenSSLHashing()

extension PersonName {
    static let ana = PersonName(unchecked: "ana")
    static let bo = PersonName(unchecked: "bo")
    static let cy = PersonName(unchecked: "cy")
    /// Owns the agents.
    static let owner = PersonName(unchecked: "owner")
}

/// Tickets that count up, so that effects can be written down.
func ticket(_ number: Int) -> TicketID {
    let digits = String(number, radix: 16)
    let spelling = "ask-" + String(repeating: "0", count: 32 - digits.utf8.count) + digits
    return TicketID(spelling) ?? TicketID(random: Zeros())
}

struct Zeros: RandomSource {
    func bytes(count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}

func digest(_ text: String) -> Digest { hashing.sha256(Array(text.utf8)) }

func waiter(_ number: UInt64) -> WaiterID { WaiterID(number) }

/// A moment so many milliseconds after the start of a test.
func at(_ milliseconds: Int64) -> Moment {
    Moment(
        instant: Instant(nanoseconds: UInt64(1_000_000 * (milliseconds + 10_000_000))),
        timestamp: Timestamp(milliseconds: 1_785_585_600_000 + milliseconds)
    )
}

func binding(
    call: String = "{}",
    principal: String = "agent",
    tenant: String = "main",
    credential: String = "token",
    policy: String = "policy",
    pin: String = "pin"
) -> Binding {
    Binding(
        tenant: TenantID(unchecked: tenant),
        environment: EnvironmentName(unchecked: "staging"),
        principal: PrincipalName(unchecked: principal),
        credential: credential,
        tool: ToolReference(
            server: ServerName(unchecked: "db"),
            tool: (try? ToolName("drop")) ?? tools
        ),
        pin: digest(pin),
        callForm: digest(call),
        policy: digest(policy)
    )
}

private var tools: ToolName {
    guard let name = try? ToolName("t") else { fatalError("a name of one letter is usable") }
    return name
}

func ask(
    _ binding: Binding = binding(),
    people: Int = 1,
    tier: RiskTier = .destructive,
    callForm: String = "{}",
    hold: Duration = .seconds(3600)
) -> Ask {
    Ask(
        binding: binding,
        owner: .owner,
        people: people,
        tier: tier,
        reasons: ["tier T2: this tool can destroy"],
        causes: ["tier T2"],
        callForm: Array(callForm.utf8),
        run: "run",
        hold: hold
    )
}

func book(
    approvers: [PersonName] = [.ana, .bo, .owner],
    settings: ApprovalSettings = ApprovalSettings()
) -> ApprovalBook {
    ApprovalBook(settings: settings, approvers: approvers.map { Approver(person: $0) })
}

func yes(_ person: PersonName, _ number: Int = 1, revision: Int = 1) -> ApprovalEvent {
    .voted(Ballot(ticket: ticket(number), person: person, isYes: true, revision: revision))
}

func no(_ person: PersonName, _ number: Int = 1, revision: Int = 1) -> ApprovalEvent {
    .voted(Ballot(ticket: ticket(number), person: person, isYes: false, revision: revision))
}

extension [ApprovalEffect] {
    /// The steps of evidence, in order.
    var steps: [ApprovalRecord.Step] {
        compactMap { effect in
            if case .record(let record) = effect { return record.step }
            return nil
        }
    }

    var replies: [VoteReply] {
        compactMap { effect in
            if case .reply(let reply) = effect { return reply }
            return nil
        }
    }

    /// What the held calls hear, refusals by their code.
    var answers: [String] {
        compactMap { effect in
            guard case .answer(let waiter, let answer) = effect else { return nil }
            let text =
                switch answer {
                case .approved: "approved"
                case .ticket: "ticket"
                case .judgeAgain: "judge again"
                case .refused(let refusal): refusal.code.rawValue
                }
            return "\(waiter.rawValue) \(text)"
        }
    }

    var spends: [TicketID] {
        compactMap { effect in
            if case .spend(let question, _) = effect { return question.ticket }
            return nil
        }
    }

    var wakes: [Instant] {
        compactMap { effect in
            if case .wake(let instant) = effect { return instant }
            return nil
        }
    }
}
