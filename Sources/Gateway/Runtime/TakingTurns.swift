import System

/// Lets one after another do what takes several steps, such as a change of the configuration: each
/// begins where the one before ended.
actor TakingTurns {
    private let loop: EventLoop
    private var isTaken = false
    private var waiting: [Pending<Void>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(on loop: EventLoop) { self.loop = loop }

    func begin() async {
        guard isTaken else {
            isTaken = true
            return
        }
        let pending = Pending<Void>(on: loop)
        waiting.append(pending)
        // Nobody fails it and it has no deadline: it ends with the turn of the one before.
        _ = try? await pending.value()
    }

    /// Returns when all that began before are done.
    func pass() async {
        await begin()
        end()
    }

    func end() {
        guard waiting.isEmpty else { return waiting.removeFirst().fulfil(()) }
        isTaken = false
    }

    /// Runs `body` when all that began before are done, and alone.
    ///
    /// So what `body` looks at first still holds when it acts, however long it waits between.
    nonisolated func take<Value, Failure>(
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        await begin()
        do throws(Failure) {
            let value = try await body()
            await end()
            return value
        } catch {
            await end()
            throw error
        }
    }
}

extension Gateway {
    /// Runs one change of the configuration or the lock after another.
    func inTurn<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await changes.take(body)
    }

    /// Runs what somebody asked for in its turn, unless they may not ask for it any more by then.
    func inTurn<Value>(
        _ turns: TakingTurns,
        for call: ControlCall,
        _ body: () async throws -> Value
    ) async throws -> Value {
        try await turns.take { () async throws -> Value in
            try await requireStanding(of: call)
            return try await body()
        }
    }

    /// Refuses whoever was removed, or has other roles or another passphrase, since the call began.
    private func requireStanding(of call: ControlCall) async throws {
        guard let approver = call.standing else { return }
        guard await approvers.approver(approver.name) == approver else {
            throw ControlError(
                .refused,
                "the roles or the passphrase of `\(approver.name)` changed meanwhile",
                hint: "nothing was done; `gatehouse approvers list` shows who may do what"
            )
        }
    }
}
