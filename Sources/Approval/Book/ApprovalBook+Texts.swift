import Base

/// What agents read. Nothing here names an approver or another principal.
extension ApprovalBook {
    static func text(of question: Question) -> String {
        switch question.state {
        case .approved:
            "approved as \(question.ticket) until \(question.expires.description): send the same call again, unchanged, to run it once"
        default:
            "waiting for a person as \(question.ticket) until \(question.expires.description): send the same call again, unchanged, to go on waiting; other arguments are another question"
        }
    }

    static let nobody = Refusal(
        code: .approvalUnavailable,
        rule: "approval",
        agentText:
            "this call needs a person's approval and nobody can approve here; the operator can add an approver with `gatehouse approvers add`"
    )

    static func tooFew(people: Int, able: Int) -> Refusal {
        Refusal(
            code: .approvalUnavailable,
            rule: "approval",
            agentText:
                "this call needs \(people) \(people == 1 ? "person" : "people") beside the owner of this agent, and there are not enough approvers; the operator can add one with `gatehouse approvers add`",
            auditText: "\(people) approvers needed, \(able) may answer this call"
        )
    }

    static func busy(_ whose: String) -> Refusal {
        Refusal(
            code: .approvalUnavailable,
            rule: "approval",
            agentText:
                "too many calls of \(whose) wait for approval already; wait for an answer or cancel one, then try again"
        )
    }

    static func notReviewable(_ count: Int, limit: Int) -> Refusal {
        Refusal(
            code: .notReviewable,
            rule: "approval",
            agentText:
                "the arguments are \(count) bytes, too long for a person to review; send at most \(limit) bytes"
        )
    }

    static func denied(_ question: Question) -> Refusal {
        var words = ""
        if case .denied(_, let reason?) = question.state, !reason.isEmpty {
            words = " and says: \(reason)"
        }
        return Refusal(
            code: .approvalDenied,
            rule: "approval",
            agentText:
                "a person said no to this call\(words); do not send it again before \(question.expires.description)",
            auditText: "denied as \(question.ticket)"
        )
    }

    static func expired(_ question: Question) -> Refusal {
        Refusal(
            code: .approvalExpired,
            rule: "approval",
            agentText:
                "nobody answered in time, so the answer is no; ask again if it still matters",
            auditText: "\(question.ticket) expired"
        )
    }

    static func unknown(_ question: Question) -> Refusal {
        Refusal(
            code: .unknownOutcome,
            rule: "approval",
            agentText:
                "this call was approved and sent, and its outcome is not known; check what it did before sending anything again",
            auditText: "\(question.ticket) is spent and its outcome unknown"
        )
    }

    static let notRecorded = Refusal(
        code: .evidenceUnavailable,
        rule: "audit",
        agentText:
            "the answer of a person could not be recorded, so it does not count; send the call again, unchanged, to wait for another"
    )

    static let gone = Refusal(
        code: .approvalRequired,
        rule: "approval",
        agentText: "there is no such approval; send the call again to ask"
    )

    static func notOpen(_ question: Question) -> Refusal {
        switch question.state {
        case .denied: denied(question)
        case .spent, .unknown: unknown(question)
        case .expired: expired(question)
        case .waiting, .approved, .settled, .withdrawn, .changed: gone
        }
    }

    static func changed(_ parts: [BoundPart]) -> Refusal {
        let names = parts.map(\.rawValue).joined(separator: ", ")
        return Refusal(
            code: .changed,
            rule: "approval",
            agentText:
                "\(names) changed since this call was approved, so the approval does not cover it; send it again to ask anew"
        )
    }

    static func withdrawn(_ withdrawal: Question.Withdrawal) -> Refusal {
        switch withdrawal {
        case .revoked:
            Refusal(
                code: .revoked,
                rule: "approval",
                agentText: "access was revoked while the call waited; nothing was sent"
            )
        case .cancelled, .approversReset, .judgedAnew:
            Refusal(
                code: .approvalUnavailable,
                rule: "approval",
                agentText: "the question was withdrawn (\(withdrawal.rawValue)); nothing was sent"
            )
        }
    }
}
