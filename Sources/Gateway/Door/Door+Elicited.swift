import Audit
import Base
import HTTP
import JSON
import MCP
import System

/// What servers ask people, on the record: before a person sees a question, and before the server
/// hears the answer.
///
/// Names of fields are kept here, and never what a person wrote into them: that stands, redacted,
/// in the intent of the call that brings it.
extension Door {
    /// Asks the person behind the call; nil where nobody answered, or it could not be recorded.
    func askPerson(_ question: InputQuestion, during judged: JudgedCall) async -> [UInt8]? {
        guard let asking = judged.call.asking, await noteAsked([question], during: judged) else {
            return nil
        }
        let answer = await asking.ask(.elicitation, question.params)
        let checked = answer.flatMap {
            try? RequestStates.checked($0, to: .elicitation, form: question.form)
        }
        guard await noteAnswered([checked], during: judged) else { return nil }
        return checked
    }

    /// Durable before the questions are shown; false where they must not be.
    func noteAsked(_ questions: [InputQuestion], during judged: JudgedCall) async -> Bool {
        await commit(
            questions.filter { $0.kind == .elicitation }.map { Self.asked($0.params) },
            during: judged
        )
    }

    /// What people did, nil for nothing; durable before the server is told.
    func noteAnswered(_ answers: [[UInt8]?], during judged: JudgedCall) async -> Bool {
        await commit(answers.map(Self.answered), during: judged)
    }

    /// The answers that another request of the agent brought.
    func noteAnswered(_ given: GivenAnswers, during judged: JudgedCall) async -> Bool {
        let answers = given.responses.document.root.members.compactMap {
            $0.value["action"] == nil ? nil : Array($0.value.source)
        }
        return await noteAnswered(answers, during: judged)
    }

    /// A question that no person was shown, and why.
    func noteUnasked(_ reason: String, during judged: JudgedCall) {
        let fields = [RecordField("change", "refused"), RecordField("reason", reason)]
        store.note(elicitation(fields, during: judged))
    }

    private func commit(_ details: [[RecordField]], during judged: JudgedCall) async -> Bool {
        guard !details.isEmpty else { return true }
        let records = details.map { elicitation($0, during: judged) }
        do throws(StoreError) {
            _ = try await store.commit(Transaction(records: records))
            return true
        } catch {
            return false
        }
    }

    private func elicitation(_ fields: [RecordField], during judged: JudgedCall) -> AuditRecord {
        AuditRecord(
            .elicitation,
            at: clock.timestamp,
            tenant: judged.principal.tenant,
            environment: environment,
            call: judged.id,
            principal: judged.principal.owner,
            run: judged.principal.run,
            server: judged.tool.reference.server,
            tool: judged.tool.reference.tool,
            detail: .fields(fields)
        )
    }

    /// - Parameter params: as the person is shown them.
    private static func asked(_ params: [UInt8]) -> [RecordField] {
        let shown = (try? JSONDocument(parsing: params))?.root
        var fields = [
            RecordField("change", "asked"), RecordField("mode", shown?["mode"]?.string ?? ""),
            RecordField("message", printable(shown?["message"]?.string ?? "", limit: 1024)),
        ]
        if let form = shown?["requestedSchema"] {
            fields.append(RecordField("fields", .texts(names(in: form["properties"]))))
        }
        // An address may carry what is nobody else's; the place alone is kept.
        if let url = shown?["url"]?.string.flatMap({ try? HTTPURL(parsing: $0) }) {
            fields.append(RecordField("target", url.origin.description))
        }
        return fields
    }

    private static func answered(_ answer: [UInt8]?) -> [RecordField] {
        let given = answer.flatMap { try? JSONDocument(parsing: $0) }?.root
        return [
            RecordField("change", "answered"),
            RecordField("action", given?["action"]?.string ?? "none"),
            RecordField("fields", .texts(names(in: given?["content"]))),
        ]
    }

    private static func names(in object: JSONNode?) -> [String] {
        guard let object else { return [] }
        return object.members.prefix(Limits.formFieldCount).map {
            printable($0.key.text, limit: 64)
        }
    }
}
