package import Approval
import Policy

extension JudgedCall {
    /// Exactly what a yes to this call covers.
    package var binding: Binding {
        Binding(
            tenant: principal.tenant,
            environment: principal.environment,
            principal: principal.owner,
            credential: principal.token,
            tool: tool.reference,
            pin: tool.pin,
            callForm: digest,
            answers: answers,
            policy: tool.policy.digest
        )
    }
}
