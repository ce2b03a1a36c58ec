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
    /// Of each approver, and of all unknown names together, tries that have not succeeded: bounded by
    /// the approvers, whatever names a guesser thinks of.
    private var failures: [PrincipalName: (count: Int, lockedUntil: Instant)] = [:]
    private static let unknown = PrincipalName(unchecked: "")

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

    /// An approver as they are now: another passphrase makes another one.
    package func approver(_ name: PrincipalName) -> Approver? { approvers[name] }

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

    /// The one prepared by `adding` is all there is, once that is durable.
    package func replaced(by name: PrincipalName) {
        approvers = [:]
        failures = [:]
        committed(name)
    }

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
        let counted = approvers[name] == nil ? Self.unknown : name
        if let failure = failures[counted], failure.count >= 5, failure.lockedUntil > loop.now {
            throw ControlError(.refused, "too many failures; try again in a minute")
        }
        // Counted before the work: tries beside one another must not all pass the look above.
        let count = min((failures[counted]?.count ?? 0) + 1, 5)
        failures[counted] = (count, loop.now.advanced(by: .seconds(60)))
        // An unknown name is worked through like a known one: no clock tells them apart.
        let known = approvers[name]?.hash ?? decoy
        let passphrase = credential.passphrase
        let matches = (try? await pool.run { try known.matches(passphrase) }) ?? false
        guard matches, approvers[name]?.hash == known else { throw Self.wrong }
        failures[counted] = nil
        return name
    }

    static let wrong = ControlError(.refused, "the approver or the passphrase is wrong")
}
