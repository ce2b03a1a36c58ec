package import JSON

/// What a call form says to a person beside its bytes: what is new about it, and what it would do.
package enum CardReading {
    static func sections(of form: CallForm, in context: CardContext) -> [Card.Section] {
        var sections: [Card.Section] = []
        let remarks =
            context.usual.map { $0.remarks(on: CallTraits(form)) }
            ?? ["the first call of this tool that is remembered"]
        let unusual =
            remarks.isEmpty
            ? [Card.Line(.plain, "nothing: like \(context.usual?.calls ?? 0) calls before it")]
            : remarks.map { Card.Line(.alarm, Visible.spell($0)) }
        sections.append(Card.Section(.unusual, "Unusual", unusual))
        if let request = RequestReading(form) { sections.append(request.section) }
        ArgumentWalk(form).each { argument in
            guard argument.mayBeStatement, sections.count < 20 else { return }
            sections.append(statement(argument))
        }
        for write in FileWrite.all(in: form) {
            sections.append(section(of: write, context.files[JSONString(write.path)]))
        }
        return sections
    }

    private static func statement(_ argument: ArgumentWalk.Argument) -> Card.Section {
        let title = "SQL in \(Visible.spell(argument.pointer.description))"
        switch StatementReading(argument.text) {
        case .notUnderstood(let reason):
            return Card.Section(
                .statement,
                title,
                [.init(.alarm, "not understood: \(reason); read it as it stands")]
            )
        case .statements(let statements):
            var lines: [Card.Line] = []
            if statements.count > 1 {
                lines.append(.init(.alarm, "\(statements.count) statements"))
            }
            for statement in statements {
                var text = "\(statement.verb) \(statement.kind.rawValue)"
                if !statement.writes.isEmpty {
                    text += "; writes " + statement.writes.joined(separator: ", ")
                }
                let reads = statement.reads.filter { !statement.writes.contains($0) }
                if !reads.isEmpty { text += "; reads " + reads.joined(separator: ", ") }
                let isRead = statement.kind == .reads
                lines.append(.init(isRead ? .plain : .alarm, Visible.spell(text)))
                if statement.isUnconditional {
                    lines.append(.init(.alarm, "no condition: every row"))
                }
                if !statement.functions.isEmpty {
                    let names = statement.functions.joined(separator: ", ")
                    lines.append(
                        .init(.alarm, Visible.spell("calls \(names), which may do more than read"))
                    )
                }
            }
            return Card.Section(.statement, title, lines)
        }
    }

    private static func section(of write: FileWrite, _ found: FileContent?) -> Card.Section {
        var lines: [Card.Line] = []
        switch (write.change, found) {
        case (.edits(let edits), _):
            for edit in edits {
                lines += LineDiff(from: edit.old, to: edit.new).lines
            }
        case (.whole(let text), .text(let old)?):
            let diff = LineDiff(from: old, to: text)
            lines += diff.isSame ? [.init(.plain, "the file has this content already")] : diff.lines
        case (.whole, .missing?): lines.append(.init(.plain, "a new file: there is none now"))
        case (.whole, .unread(let reason)?):
            lines.append(.init(.plain, "not compared: \(Visible.spell(reason))"))
        case (.whole, nil):
            lines.append(.init(.plain, "not compared: the gateway does not host this folder"))
        }
        return Card.Section(.file, "Change of \(Visible.spell(write.path))", lines)
    }

    /// The paths of files a call would write, for which a card needs their content.
    package static func writtenPaths(_ form: CallForm) -> [String] {
        FileWrite.all(in: form).compactMap { write in
            if case .whole = write.change { write.path } else { nil }
        }
    }
}

/// An object of the arguments that names a file and what it will hold.
struct FileWrite {
    enum Change {
        case whole(String)
        case edits([(old: String, new: String)])
    }

    let path: String
    let change: Change

    /// So many are looked at.
    static let count = 8

    static func all(in form: CallForm) -> [FileWrite] {
        var found: [FileWrite] = []
        collect(form.document.root, &found)
        return found
    }

    private static let pathKeys: Set<String> = [
        "path", "file", "filepath", "filename", "targetpath",
    ]
    private static let contentKeys: Set<String> = [
        "content", "contents", "text", "data", "body", "newcontent", "filetext",
    ]

    private static func collect(_ node: JSONNode, _ found: inout [FileWrite]) {
        guard found.count < count else { return }
        if node.kind == .object {
            let members = node.members.map { (ArgumentWalk.plain($0.key.text), $0.value) }
            let path = members.first { pathKeys.contains($0.0) }?.1.string
            if let path {
                let edits = edits(members.first { $0.0 == "edits" }?.1, members)
                if !edits.isEmpty {
                    found.append(FileWrite(path: path, change: .edits(edits)))
                } else if let text = members.first(where: { contentKeys.contains($0.0) })?.1.string
                {
                    found.append(FileWrite(path: path, change: .whole(text)))
                }
            }
            for (_, value) in members { collect(value, &found) }
        } else if node.kind == .array {
            for value in node.elements { collect(value, &found) }
        }
    }

    /// `edits: [{oldText, newText}]`, or the two beside the path.
    private static func edits(
        _ list: JSONNode?,
        _ members: [(String, JSONNode)]
    ) -> [(old: String, new: String)] {
        if let list {
            return list.elements.compactMap { edit in
                pair(edit.members.map { (ArgumentWalk.plain($0.key.text), $0.value) })
            }
        }
        return pair(members).map { [$0] } ?? []
    }

    private static func pair(_ members: [(String, JSONNode)]) -> (old: String, new: String)? {
        func text(_ keys: Set<String>) -> String? {
            members.first { keys.contains($0.0) }?.1.string
        }
        guard let old = text(["oldtext", "oldstr", "oldstring"]),
            let new = text(["newtext", "newstr", "newstring"])
        else { return nil }
        return (old, new)
    }
}
