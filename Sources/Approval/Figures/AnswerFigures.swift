package import Base
package import JSON

/// How often people are asked, how they answer, and how long that takes.
///
/// A gate that asks too often is switched off: these figures say where. What changes is told, to be
/// kept over a restart.
package struct AnswerFigures: Sendable {
    /// What is counted: questions of an agent, or because of one thing that spoke against calls.
    package enum Subject: Hashable, Sendable {
        /// As `TENANT/AGENT`.
        case agent(String)
        case cause(String)
    }

    /// Of one subject.
    package struct Row: Sendable, Equatable {
        /// When it was asked about first.
        package let since: Timestamp
        package internal(set) var asked = 0
        package internal(set) var yes = 0
        package internal(set) var no = 0
        /// Expired, withdrawn or changed: nobody's answer.
        package internal(set) var unanswered = 0
        /// Since the last no.
        package internal(set) var yesInRow = 0
        /// Of the last answers, in milliseconds; bounded.
        var waits: [Int64] = []
        /// Of the last questions; bounded.
        var times: [Timestamp] = []

        init(since: Timestamp) { self.since = since }

        package var medianWait: Int64? {
            waits.isEmpty ? nil : waits.sorted()[waits.count / 2]
        }

        /// How many of the last questions came within the hour before.
        package func askedInHour(before now: Timestamp) -> Int {
            times.count { $0 > now.advanced(by: .seconds(-3600)) }
        }

        /// Asked often, and always answered with yes of late.
        package var isAlwaysYes: Bool { yesInRow >= AnswerFigures.hintCount }
    }

    /// So many yeses without a no between them make a hint.
    package static let hintCount = 10
    /// Subjects, of each kind; the one that was not asked about for longest makes room.
    package static let rowCount = 1000
    /// Remembered times of each.
    static let rememberedCount = 256

    private struct Open: Sendable {
        let subjects: Set<Subject>
        let asked: Timestamp
    }

    package private(set) var rows: [Subject: Row]
    private var open: [TicketID: Open] = [:]

    /// - Parameter questions: those that were asked before and wait on.
    package init(restoring kept: [Subject: Row] = [:], waiting questions: [Question] = []) {
        rows = kept
        for question in questions {
            open[question.ticket] = Open(
                subjects: Self.subjects(question.binding, question.causes),
                asked: question.asked
            )
        }
    }

    /// Takes note of one step; `causes` are those of the question, for a step that asks.
    ///
    /// Gives back the subjects whose row is another, or gone.
    package mutating func note(
        _ record: ApprovalRecord,
        causes: [String],
        at now: Timestamp
    ) -> Set<Subject> {
        switch record.step {
        case .asked:
            let subjects = Self.subjects(record.binding, causes)
            open[record.ticket] = Open(subjects: subjects, asked: now)
            return change(subjects, now) { row in
                row.asked += 1
                Self.remember(now, in: &row.times)
            }
        case .approved:
            return close(record.ticket, now, isAnswer: true) { row in
                row.yes += 1
                row.yesInRow += 1
            }
        case .denied:
            return close(record.ticket, now, isAnswer: true) { row in
                row.no += 1
                row.yesInRow = 0
            }
        case .expired, .withdrawn, .changed:
            return close(record.ticket, now, isAnswer: false) { $0.unanswered += 1 }
        case .yes, .judgedAnew, .edited, .voteVoid, .spent, .spendFailed, .unknown: return []
        }
    }

    private static func subjects(_ binding: Binding, _ causes: [String]) -> Set<Subject> {
        Set(causes.map { .cause($0) }).union([.agent("\(binding.tenant)/\(binding.principal)")])
    }

    private mutating func close(
        _ ticket: TicketID,
        _ now: Timestamp,
        isAnswer: Bool,
        _ count: (inout Row) -> Void
    ) -> Set<Subject> {
        // What was answered already counts once at most.
        guard let question = open.removeValue(forKey: ticket) else { return [] }
        let wait = max(0, now.duration(since: question.asked).milliseconds)
        return change(question.subjects, now) { row in
            count(&row)
            if isAnswer { Self.remember(wait, in: &row.waits) }
        }
    }

    private mutating func change(
        _ subjects: Set<Subject>,
        _ now: Timestamp,
        _ change: (inout Row) -> Void
    ) -> Set<Subject> {
        var changed = subjects
        for subject in subjects {
            if rows[subject] == nil, let oldest = oldest(beside: subject) {
                rows[oldest] = nil
                changed.insert(oldest)
            }
            change(&rows[subject, default: Row(since: now)])
        }
        return changed
    }

    /// Whose row makes room for one of that kind; nil while there is room.
    private func oldest(beside subject: Subject) -> Subject? {
        let same = rows.filter { $0.key.isAgent == subject.isAgent }
        guard same.count >= Self.rowCount else { return nil }
        let never = Timestamp(milliseconds: .min)
        return same.min { ($0.value.times.last ?? never) < ($1.value.times.last ?? never) }?.key
    }

    private static func remember<Value>(_ value: Value, in list: inout [Value]) {
        if list.count >= rememberedCount { list.removeFirst() }
        list.append(value)
    }
}

// MARK: How they are kept

extension AnswerFigures.Subject {
    fileprivate var isAgent: Bool {
        switch self {
        case .agent: true
        case .cause: false
        }
    }

    /// `agent/main/bot`, `cause/tier T2`.
    package var text: String {
        switch self {
        case .agent(let name): "agent/" + name
        case .cause(let name): "cause/" + name
        }
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        switch parts.first {
        case "agent" where parts.count == 2: self = .agent(String(parts[1]))
        case "cause" where parts.count == 2: self = .cause(String(parts[1]))
        default: return nil
        }
    }
}

extension AnswerFigures.Row {
    package var value: JSONValue {
        [
            "asked": .init(asked), "figures": 1, "no": .init(no),
            "since": .init(since.milliseconds),
            "times": .array(times.map { .init($0.milliseconds) }),
            "unanswered": .init(unanswered), "waits": .array(waits.map { .init($0) }),
            "yes": .init(yes), "yesInRow": .init(yesInRow),
        ]
    }

    package init(json node: JSONNode) throws(KeptFormError) {
        let form = try KeptForm(node, of: "figures")
        func count(_ key: String) throws(KeptFormError) -> Int {
            max(0, Int(clamping: try form.whole(key)))
        }
        func last(_ key: String) -> [Int64] {
            let numbers = form[key]?.elements.compactMap { $0.number?.int64 } ?? []
            return numbers.suffix(AnswerFigures.rememberedCount)
        }
        since = try form.time("since")
        asked = try count("asked")
        yes = try count("yes")
        no = try count("no")
        unanswered = try count("unanswered")
        yesInRow = try count("yesInRow")
        waits = last("waits")
        times = last("times").map { Timestamp(milliseconds: $0) }
    }
}
