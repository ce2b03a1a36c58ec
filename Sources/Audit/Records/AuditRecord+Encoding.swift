import Base

extension AuditRecord {
    /// The leaf: JSON as RFC 8785 writes it (members sorted, one spelling per value).
    ///
    /// Member names are written in sorted order by hand, because sorting at run time would double
    /// the cost of a record.
    package func encoded() -> [UInt8] {
        var writer = RecordWriter(capacity: 640)
        write(to: &writer)
        return writer.written()
    }

    func write(to writer: inout RecordWriter) {
        let object = writer.beginObject()
        if let call {
            writer.name("call")
            writer.string(call)
        }
        writer.name("detail")
        switch detail {
        case .judgement(let judgement): judgement.write(to: &writer)
        case .outcome(let outcome): outcome.write(to: &writer)
        case .fields(let fields): Self.write(fields, to: &writer)
        }
        writer.members(parties.beforeKind)
        writer.plain(kind.rawValue)
        writer.members(parties.beforeTime)
        writer.time(time)
        writer.members(parties.afterTime)
        writer.endObject(object)
    }

    private static func write(_ fields: [RecordField], to writer: inout RecordWriter) {
        let object = writer.beginObject()
        let sorted = fields.map { (name: $0.name.description, field: $0) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var previous: String?
        for (name, field) in sorted where name != previous {
            previous = name
            writer.name(field.name)
            switch field.value {
            case .text(let text): _ = writer.string(text, limit: Limits.recordedTextByteCount)
            case .texts(let texts):
                writer.strings(texts.prefix(Limits.recordedListCount).map(Self.held))
            case .integer(let value): writer.integer(value)
            case .flag(let value): writer.flag(value)
            case .digest(let digest): writer.digest(digest)
            case .time(let time): writer.time(time)
            }
        }
        writer.endObject(object)
    }

    /// One element of a list, held to 1 KiB.
    private static func held(_ text: String) -> String {
        text.utf8.count <= 1024 ? text : String(text.unicodeScalars.prefix(256))
    }
}

extension RecordWriter {
    fileprivate mutating func optional(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        self.name(name)
        _ = string(text, limit: Limits.recordedTextByteCount)
    }

    fileprivate mutating func optional(_ name: StaticString, _ digest: Digest?) {
        guard let digest else { return }
        self.name(name)
        self.digest(digest)
    }

    fileprivate mutating func list(_ name: StaticString, _ texts: [String]) {
        guard !texts.isEmpty else { return }
        self.name(name)
        strings(Array(texts.prefix(Limits.recordedListCount)))
    }
}

extension JudgementDetail {
    fileprivate func write(to writer: inout RecordWriter) {
        let object = writer.beginObject()
        if let answers {
            writer.name("answers")
            let isCut = writer.string(answers, limit: Limits.recordedArgumentsByteCount)
            writer.name("answersBytes")
            writer.integer(Int64(answersByteCount ?? answers.utf8.count))
            writer.optional("answersCommitment", answersCommitment)
            if isCut {
                writer.name("answersCut")
                writer.flag(true)
            }
        }
        writer.optional("approval", approval)
        var isCut = false
        if let arguments {
            writer.name("arguments")
            isCut = writer.string(arguments, limit: Limits.recordedArgumentsByteCount)
        }
        if let argumentsByteCount {
            writer.name("argumentsBytes")
            writer.integer(Int64(argumentsByteCount))
        }
        if isCut {
            writer.name("argumentsCut")
            writer.flag(true)
        }
        writer.optional("commitment", commitment)
        writer.optional("pin", pin)
        writer.optional("policy", policy)
        writer.optional("reason", reason)
        writer.list("redacted", redacted)
        writer.optional("refusal", refusal?.rawValue)
        writer.optional("rule", rule)
        writer.optional("tier", tier)
        writer.optional("verdict", verdict)
        writer.endObject(object)
    }
}

extension OutcomeDetail {
    fileprivate func write(to writer: inout RecordWriter) {
        let object = writer.beginObject()
        writer.name("bytesGiven")
        writer.integer(Int64(givenByteCount))
        writer.name("bytesReceived")
        writer.integer(Int64(receivedByteCount))
        writer.optional("commitmentGiven", givenCommitment)
        writer.optional("commitmentReceived", receivedCommitment)
        if isCut {
            writer.name("cut")
            writer.flag(true)
        }
        writer.name("durationMicroseconds")
        writer.integer(duration.saturatedNanoseconds / 1000)
        writer.optional("error", error)
        writer.list("redacted", redacted)
        if let result {
            writer.name("result")
            let isCut = writer.string(result, limit: Limits.recordedResultMostByteCount)
            if isCut || result.utf8.count < givenByteCount {
                writer.name("resultCut")
                writer.flag(true)
            }
        }
        writer.name("status")
        writer.plain(status.rawValue)
        writer.endObject(object)
    }
}
