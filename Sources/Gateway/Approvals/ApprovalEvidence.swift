import Approval
import Audit
import Base

/// Turns the steps of a question into records.
enum ApprovalEvidence {
    static func record(
        _ record: ApprovalRecord,
        call: String?,
        at time: Timestamp,
        environment: EnvironmentName
    ) -> AuditRecord {
        var fields = [
            RecordField("approval", record.ticket.rawValue),
            RecordField("callForm", record.binding.callForm.description),
            RecordField("people", .integer(Int64(record.people))),
            RecordField("pin", record.binding.pin.description),
            RecordField("policy", record.binding.policy.description),
        ]
        if let answers = record.binding.answers {
            fields.append(RecordField("answers", answers.description))
        }
        let kind: RecordKind
        switch record.step {
        case .asked: kind = .proposed
        case .yes(let person):
            kind = .approved
            fields += [RecordField("by", person.rawValue), RecordField("step", "yes")]
        case .approved(let people):
            kind = .approved
            fields += [
                RecordField("by", people.map(\.rawValue).joined(separator: ",")),
                RecordField("step", "approved"),
            ]
        case .denied(let person, let reason):
            kind = .denied
            fields.append(RecordField("by", person.rawValue))
            if let reason { fields.append(RecordField("reason", reason)) }
        case .expired: kind = .expired
        case .withdrawn(let withdrawal):
            kind = .expired
            fields.append(RecordField("step", "withdrawn: \(withdrawal.rawValue)"))
        case .changed(let parts):
            kind = .expired
            let names = parts.map(\.rawValue).joined(separator: ",")
            fields.append(RecordField("step", "changed: \(names)"))
        case .judgedAnew:
            kind = .proposed
            fields.append(RecordField("step", "judged anew"))
        case .edited(let person, let original):
            kind = .approved
            fields += [
                RecordField("by", person.rawValue),
                RecordField("edited", original.description),
                RecordField("step", "edited"),
            ]
        case .voteVoid(let person):
            kind = .denied
            fields += [RecordField("by", person.rawValue), RecordField("step", "vote void")]
        case .spent:
            kind = .approved
            fields.append(RecordField("step", "spent"))
        case .spendFailed:
            kind = .approved
            fields.append(RecordField("step", "spend failed"))
        case .unknown:
            kind = .unknown
            fields.append(RecordField("step", "unknown outcome"))
        }
        return AuditRecord(
            kind,
            at: time,
            tenant: record.binding.tenant,
            environment: environment,
            call: call,
            principal: record.binding.principal,
            server: record.binding.tool.server,
            tool: record.binding.tool.tool,
            detail: .fields(fields)
        )
    }
}
