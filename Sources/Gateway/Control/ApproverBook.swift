package import Audit
package import Base
internal import Crypto
package import System

/// The people who may decide, and the proof of being one (design section 6, "Control").
///
/// A passphrase is kept as scrypt; five failures lock the name for a minute. What is tried is
/// always worked through, so that an unknown name takes as long as a wrong passphrase.
package actor ApproverBook {
    package struct Approver: Sendable, Equatable {
        package let name: PrincipalName
        let hash: PassphraseHash
    }

    private let loop: EventLoop
    private let store: any RecordStore
    private let pool: BlockingPool
    private let random: any RandomSource
    private var approvers: [PrincipalName: Approver] = [:]
    private var failures: [PrincipalName: (count: Int, lockedUntil: Instant)] = [:]

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        store: any RecordStore,
        pool: BlockingPool,
        random: any RandomSource
    ) {
        self.loop = loop
        self.store = store
        self.pool = pool
        self.random = random
    }

    package func load() async throws(StoreError) {
        for entry in try await store.allEntries(.approvers) {
            guard let name = try? PrincipalName(entry.key.name),
                let hash = PassphraseHash(text: String(decoding: entry.value, as: UTF8.self))
            else { continue }
            approvers[name] = Approver(name: name, hash: hash)
        }
    }

    package var isEmpty: Bool { approvers.isEmpty }
    package var names: [PrincipalName] { approvers.keys.sorted() }

    /// The change that stores an approver; the caller commits it with its record.
    package func adding(
        _ name: PrincipalName,
        passphrase: [UInt8]
    ) async throws(ControlError) -> StateChange {
        guard passphrase.count >= Limits.passphraseByteCount else {
            throw ControlError(
                .usage,
                "the passphrase is too short",
                hint: "use at least \(Limits.passphraseByteCount) characters"
            )
        }
        let random = random
        let made = try? await pool.run { try PassphraseHash(of: passphrase, random: random) }
        guard let hash = made else {
            throw ControlError(.refused, "the passphrase could not be hashed; try again")
        }
        pending[name] = Approver(name: name, hash: hash)
        return .put(
            StateKey(.main, .approvers, name.rawValue),
            value: Array(hash.text.utf8),
            expecting: .anything
        )
    }

    private var pending: [PrincipalName: Approver] = [:]

    /// Takes over what `adding` prepared, once it is durable.
    package func committed(_ name: PrincipalName) {
        if let approver = pending.removeValue(forKey: name) { approvers[name] = approver }
    }

    package func removed(_ name: PrincipalName) { approvers[name] = nil }

    package func removeAll() { approvers = [:] }

    /// The approver a credential proves, or why not.
    package func verify(
        _ credential: ControlRequest.Credential?
    ) async throws(ControlError) -> PrincipalName {
        guard let decoy = approvers.first?.value.hash else {
            throw ControlError(
                .refused,
                "there is no approver yet",
                hint: "run `gatehouse init` on a terminal to make the first one"
            )
        }
        guard let credential else {
            throw ControlError(.refused, "this needs an approver's passphrase")
        }
        let name = PrincipalName(unchecked: credential.approver)
        if let failure = failures[name], failure.count >= 5, failure.lockedUntil > loop.now {
            throw ControlError(.refused, "too many failures; try again in a minute")
        }
        // An unknown name is worked through like a known one: no clock tells them apart.
        let known = approvers[name]?.hash ?? decoy
        let passphrase = credential.passphrase
        let matches = (try? await pool.run { try known.matches(passphrase) }) ?? false
        guard matches, approvers[name] != nil else {
            note(failureOf: name)
            throw ControlError(.refused, "the approver or the passphrase is wrong")
        }
        failures[name] = nil
        return name
    }

    private func note(failureOf name: PrincipalName) {
        // Names nobody has are bounded: a guesser fills this table, not the memory.
        if failures.count > 1000 { failures = [:] }
        let count = (failures[name]?.count ?? 0) + 1
        failures[name] = (min(count, 5), loop.now.advanced(by: .seconds(60)))
    }
}
