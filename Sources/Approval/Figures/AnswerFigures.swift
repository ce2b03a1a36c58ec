package import Base

/// How often people are asked, how they answer, and how long that takes, since the start.
///
/// A gate that asks too often is switched off: these figures say where.
package struct AnswerFigures: Sendable {
    /// Of one agent, or of one thing that spoke against calls.
    package struct Row: Sendable, Equatable {
        package internal(set) var asked = 0
        package internal(set) var yes = 0
        package internal(set) var no = 0
        /// Expired, withdrawn or changed: nobody's answer.
        package internal(set) var unanswered = 0
        /// Of the last answers, in milliseconds; bounded.
        var waits: [Int64] = []
        /// Of the last questions; bounded.
        var times: [Timestamp] = []

        package var medianWait: Int64? {
            waits.isEmpty ? nil : waits.sorted()[waits.count / 2]
        }

        /// How many of the last questions came within the hour before.
        package func askedInHour(before now: Timestamp) -> Int {
            times.count { $0 > now.advanced(by: .seconds(-3600)) }
        }

        /// Asked often, and never answered with no.
        package var isAlwaysYes: Bool { yes >= AnswerFigures.hintCount && no == 0 }
    }

    /// So many yeses without a no make a hint.
    package static let hintCount = 10
    /// Rows of agents, rows of causes, and remembered times of each.
    private static let rowCount = 1000
    private static let rememberedCount = 256

    private struct Open: Sendable {
        let agent: String
        let causes: [String]
        let asked: Timestamp
    }

    package private(set) var agents: [String: Row] = [:]
    package private(set) var causes: [String: Row] = [:]
    private var open: [TicketID: Open] = [:]

    package init() {}

    /// Takes note of one step; `causes` are those of the question, for a step that asks.
    package mutating func note(_ record: ApprovalRecord, causes found: [String], at now: Timestamp)
    {
        switch record.step {
        case .asked:
            let agent = "\(record.binding.tenant)/\(record.binding.principal)"
            open[record.ticket] = Open(agent: agent, causes: found, asked: now)
            change(agent, found) { row in
                row.asked += 1
                Self.remember(now, in: &row.times)
            }
        case .approved: close(record.ticket, now, isAnswer: true) { $0.yes += 1 }
        case .denied: close(record.ticket, now, isAnswer: true) { $0.no += 1 }
        case .expired, .withdrawn, .changed:
            close(record.ticket, now, isAnswer: false) { $0.unanswered += 1 }
        case .yes, .judgedAnew, .edited, .voteVoid, .spent, .spendFailed, .unknown: break
        }
    }

    private mutating func close(
        _ ticket: TicketID,
        _ now: Timestamp,
        isAnswer: Bool,
        _ count: (inout Row) -> Void
    ) {
        // What was asked before the start, and what was answered already, counts once at most.
        guard let question = open.removeValue(forKey: ticket) else { return }
        let wait = max(0, now.milliseconds &- question.asked.milliseconds)
        change(question.agent, question.causes) { row in
            count(&row)
            if isAnswer { Self.remember(wait, in: &row.waits) }
        }
    }

    private mutating func change(
        _ agent: String,
        _ found: [String],
        _ change: (inout Row) -> Void
    ) {
        Self.change(agent, in: &agents, change)
        for cause in Set(found) { Self.change(cause, in: &causes, change) }
    }

    private static func change(
        _ key: String,
        in rows: inout [String: Row],
        _ change: (inout Row) -> Void
    ) {
        // Names come from tokens and policies; a flood of them shares one row.
        let key = rows[key] != nil || rows.count < rowCount ? key : "(others)"
        change(&rows[key, default: Row()])
    }

    private static func remember<Value>(_ value: Value, in list: inout [Value]) {
        if list.count >= rememberedCount { list.removeFirst() }
        list.append(value)
    }
}
