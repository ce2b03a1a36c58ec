import Audit
import Base
import Storage

/// What may be done once, without an approver, in a state that nobody decided in yet.
extension Gateway {
    /// Reads back what `init` adds to; only a state nobody decides in yet can be begun.
    package func loadForInit() async throws {
        try await approvers.load()
        try await tokens.load(from: store)
        guard await approvers.isEmpty else {
            throw ControlError(
                .refused,
                "there is an approver already",
                hint: "an approver adds others with `gatehouse approvers add`, "
                    + "and tokens with `gatehouse tokens issue`"
            )
        }
        // A state that lost its approvers is none that nobody began.
        guard try await !hasHadApprover() else {
            throw ControlError(
                .refused,
                "the log names an approver, and the state has none that this gateway made",
                hint: "start the gateway; root makes one with `gatehouse approvers reset NAME`"
            )
        }
    }

    /// Whether the log says that somebody could decide once; looks from the beginning.
    private func hasHadApprover() async throws -> Bool {
        // Nothing is removed from a log while nobody may decide.
        guard store.begin == 0 else { return true }
        var index: UInt64 = 0
        while true {
            let leaves = try await store.leaves(from: index, limit: 1000)
            guard let last = leaves.last else { return false }
            if leaves.contains(where: { RecordHead(leaf: $0.bytes)?.kind == "approver" }) {
                return true
            }
            index = last.index + 1
        }
    }

    /// Whether a first token may be made without an approver: once, before any other.
    package func requireNoToken() throws {
        guard tokens.all.isEmpty else {
            throw ControlError(
                .refused,
                "there are tokens already",
                hint: "an approver makes more with `gatehouse tokens issue`"
            )
        }
    }
}
