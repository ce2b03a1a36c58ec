package import Base
package import JSON

/// What an approver reads before they decide: made here once, shown alike in a terminal, in the
/// console and by the API.
package struct Card: Sendable, Equatable {
    /// One line; its text is escaped already and may be shown as it is.
    package struct Line: Sendable, Equatable {
        package enum Mark: String, Sendable, CaseIterable {
            case plain, alarm, added, removed
            /// Stands for lines that are not shown, and says how many.
            case folded

            /// What stands before it in a terminal; no line of a value can begin so.
            var sign: String {
                switch self {
                case .plain: "  "
                case .alarm: "! "
                case .added: "+ "
                case .removed: "- "
                case .folded: "~ "
                }
            }
        }

        package let mark: Mark
        package let text: String

        package init(_ mark: Mark, _ text: String) {
            self.mark = mark
            self.text = text
        }
    }

    /// Lines that belong together.
    package struct Section: Sendable, Equatable {
        package enum Name: String, Sendable, CaseIterable {
            case unusual, because, request, statement, file, answers, before, arguments
        }

        package let name: Name
        package let title: String
        package let lines: [Line]

        package init(_ name: Name, _ title: String, _ lines: [Line]) {
            self.name = name
            self.title = title
            self.lines = lines
        }
    }

    package let question: Question
    package let sections: [Section]

    package init(of question: Question, in context: CardContext = CardContext()) {
        self.question = question
        var sections: [Section] = []
        let form = (try? JSONDocument(parsing: question.callForm)).flatMap {
            try? CallForm($0.root)
        }
        if let form { sections += CardReading.sections(of: form, in: context) }
        if question.binding.answers != nil {
            let lines = ArgumentLines.lines(question.answers)
            sections.append(Section(.answers, "Answers to what the server asked", lines))
        }
        sections.append(
            Section(.because, "Because", question.reasons.map { Line(.plain, Visible.spell($0)) })
        )
        sections.append(Section(.before, "Just before", context.before.map(\.line)))
        sections.append(Section(.arguments, "Arguments", ArgumentLines.lines(question.callForm)))
        self.sections = sections.filter { !$0.lines.isEmpty }
    }

    package subscript(_ name: Section.Name) -> [Line] {
        sections.filter { $0.name == name }.flatMap(\.lines)
    }

    /// All of it for a terminal; the arguments are complete.
    ///
    /// `now` gives the time that is left. Who said yes already is not shown to the second person.
    package func lines(at now: Timestamp) -> [String] {
        let binding = question.binding
        let left = max(0, (question.expires.milliseconds &- now.milliseconds) / 1000)
        var lines = [
            "\(question.ticket)  revision \(question.revision)  \(question.state.word)",
            "tool       \(Visible.spell(binding.tool.description))  (\(question.tier))",
            "agent      \(binding.principal), owned by \(question.owner), tenant \(binding.tenant), \(binding.environment)",
            "people     \(question.people) must say yes",
            "time left  \(left) s, until \(question.expires.description)",
            "definition \(binding.pin)",
            "policy     \(binding.policy)",
            "call       \(binding.callForm)",
        ]
        if let answers = binding.answers { lines.append("answers    \(answers)") }
        for section in sections {
            lines.append(section.title)
            lines += section.lines.map { $0.mark.sign + $0.text }
        }
        lines.append("a yes covers exactly this call, once")
        return lines
    }

    /// The sections for the API and the console.
    package var value: JSONValue {
        .array(
            sections.map { section in
                [
                    "lines": .array(
                        section.lines.map {
                            ["mark": .init($0.mark.rawValue), "text": .init($0.text)]
                        }
                    ),
                    "name": .init(section.name.rawValue),
                    "title": .init(section.title),
                ]
            }
        )
    }
}

/// What a card says beside the question: looked up for it, never part of what a yes covers.
package struct CardContext: Sendable {
    /// What calls of the tool were like before; nil where nothing is remembered of it.
    package var usual: Usual?
    /// What the agent did just before, the newest last.
    package var before: [EarlierCall] = []
    /// What stands in the files the call names, by the path as it was written.
    package var files: [JSONString: FileContent] = [:]

    package init() {}
}

/// A call of the same run.
package struct EarlierCall: Sendable, Equatable {
    package let time: String
    package let tool: String
    /// What became of it, such as `ok` or `refused`.
    package let outcome: String

    package init(time: String, tool: String, outcome: String) {
        self.time = time
        self.tool = tool
        self.outcome = outcome
    }

    var line: Card.Line {
        .init(.plain, "\(Visible.spell(time))  \(Visible.spell(tool))  \(Visible.spell(outcome))")
    }
}

/// A file as it is now.
package enum FileContent: Sendable, Equatable {
    case text(String)
    case missing
    /// Why it is not compared.
    case unread(String)
}
