package import Audit
package import Base
internal import Crypto
import JSON
package import System

/// The people who may decide, and the proof of being one.
///
/// A passphrase is kept as scrypt; five failures lock the name for a minute. What is tried is
/// always worked through, so that an unknown name takes as long as a wrong passphrase, and counted
/// the same way, so that no lock tells them apart.
package actor ApproverBook {
    package struct Approver: Sendable, Equatable {
        package let person: Person
        package var name: PrincipalName { person.name }
        let hash: PassphraseHash
    }

    private let loop: EventLoop
    private let store: any RecordStore
    private let pool: BlockingPool
    private let random: any RandomSource
    private let environment: EnvironmentName
    private var approvers: [PrincipalName: Approver] = [:]
    /// Tries that have not succeeded, by the slot a name falls into, known or not: bounded, whatever
    /// names a guesser thinks of.
    private var failures: [UInt16: (count: Int, lockedUntil: Instant)] = [:]
    /// Nobody knows which names share a slot; that two do is as good as never.
    private let slotKey: [UInt8]

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        store: any RecordStore,
        pool: BlockingPool,
        random: any RandomSource,
        environment: EnvironmentName
    ) {
        self.environment = environment
        self.loop = loop
        self.store = store
        self.pool = pool
        self.random = random
        slotKey = random.bytes(count: 32)
    }

    package func load() async throws(StoreError) {
        for entry in try await store.allEntries(.approvers) {
            guard let name = try? PrincipalName(entry.key.name),
                let document = try? JSONDocument(parsing: entry.value),
                let hash = document.root["hash"]?.string.flatMap({ PassphraseHash(text: $0) }),
                let person = Person(name, row: document.root)
            else { continue }
            // Roles are per environment: a state that moved brings nobody along.
            guard document.root["environment"]?.string == environment.rawValue else {
                elsewhere.append(name)
                continue
            }
            approvers[name] = Approver(person: person, hash: hash)
        }
    }

    /// An approver as they are now: another passphrase makes another one.
    package func approver(_ name: PrincipalName) -> Approver? { approvers[name] }

    /// Who has roles in another environment only.
    package private(set) var elsewhere: [PrincipalName] = []

    package var isEmpty: Bool { approvers.isEmpty }
    package var names: [PrincipalName] { approvers.keys.sorted() }
    package var people: [Person] { approvers.values.map(\.person).sorted { $0.name < $1.name } }
    package func person(_ name: PrincipalName) -> Person? { approvers[name]?.person }

    /// Whether somebody who may change everything is left when that person is gone or becomes another.
    package func keepsAdmin(without name: PrincipalName, becoming person: Person? = nil) -> Bool {
        let left =
            approvers.values.map(\.person).filter { $0.name != name } + [person].compactMap { $0 }
        return left.contains { $0.roles.contains(.admin) && $0.tenants == nil }
    }

    /// Somebody who becomes an approver as soon as the change that stores them is durable.
    package struct Addition: Sendable {
        package let change: StateChange
        fileprivate let approver: Approver
    }

    /// What makes somebody an approver; the caller commits its change with its record.
    package func adding(
        _ person: Person,
        passphrase: [UInt8]
    ) async throws(ControlError) -> Addition {
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
        guard case .object(var row) = person.value else {
            throw ControlError(.refused, "the roles cannot be kept")
        }
        row["environment"] = JSONValue(environment.rawValue)
        row["hash"] = JSONValue(hash.text)
        return Addition(
            change: .put(
                StateKey(.main, .approvers, person.name.rawValue),
                value: JSONValue.object(row).serialised(),
                expecting: .anything
            ),
            approver: Approver(person: person, hash: hash)
        )
    }

    /// Takes over what `adding` made, once it is durable.
    package func committed(_ addition: Addition) {
        approvers[addition.approver.name] = addition.approver
    }

    package func removed(_ name: PrincipalName) { approvers[name] = nil }

    /// The one made by `adding` is all there is, once that is durable.
    package func replaced(by addition: Addition) {
        approvers = [:]
        failures = [:]
        committed(addition)
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
        let slot = slot(of: name)
        if let failure = failures[slot], failure.count >= 5, failure.lockedUntil > loop.now {
            throw Self.locked
        }
        // Counted before the work: tries beside one another must not all pass the look above.
        let count = min((failures[slot]?.count ?? 0) + 1, 5)
        failures[slot] = (count, loop.now.advanced(by: .seconds(60)))
        // An unknown name is worked through like a known one: no clock tells them apart.
        let known = approvers[name]?.hash ?? decoy
        let passphrase = credential.passphrase
        let matches = (try? await pool.run { try known.matches(passphrase) }) ?? false
        guard matches, approvers[name]?.hash == known else { throw Self.wrong }
        failures[slot] = nil
        return name
    }

    private func slot(of name: PrincipalName) -> UInt16 {
        let digest = OpenSSLHashing().hmacSHA256(key: slotKey, Array(name.rawValue.utf8))
        return UInt16(truncatingIfNeeded: digest.words.0)
    }

    /// What was given proves nobody.
    package static let wrong = ControlError(.refused, "the approver or the passphrase is wrong")
    /// What was given was not looked at.
    package static let locked = ControlError(
        .refused,
        "too many failures; try again in a minute"
    )
}
