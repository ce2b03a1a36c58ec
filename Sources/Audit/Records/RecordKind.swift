/// What an audit record says happened; `docs/audit-format.md` gives the meaning of each.
package enum RecordKind: String, Sendable, CaseIterable {
    /// A call waits for a person.
    case proposed
    /// A call was refused; an allowed call's judgement is part of its intent.
    case judged
    case approved, denied, expired
    /// A standing yes was given, used up, taken back, or ended.
    case grant
    /// A call is about to be sent; durable before the first byte leaves.
    case intent
    case outcome
    /// An agent asked what is offered.
    case listed
    /// A server's question to the person behind an agent: asked, answered, or not asked.
    case elicitation
    /// An intent of an earlier process that has no outcome: whether it was done is not known.
    case unknown
    /// A connection of a hosted server: opened, closed, refused; or what a person said of one.
    case egress
    case secretUse = "secret-use"
    case configuration
    case login
    case breakGlass = "break-glass"
    case token
    case approver
    case lockdown
    /// A tool definition was accepted, changed, hidden or renamed.
    case tool
    /// A hosted server was started, stopped, failed or drifted.
    case server
    /// The log itself: started, stopped, could not write, can write again.
    case log

    /// Whether the record begins work; such a record is refused when only the reserve is left.
    package var startsWork: Bool { self == .intent || self == .proposed }

    /// Whether an agent or a server can cause it at will; such a record may use half of the reserve only.
    package var isAgentDriven: Bool {
        switch self {
        case .judged, .egress, .listed, .elicitation, .secretUse: true
        default: false
        }
    }
}
