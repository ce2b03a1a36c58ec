import Base
import Screening

/// The values of secrets as they are now, and what they were before: servers that use a secret
/// without holding it read it here, so that a new value needs no restart.
final class SecretShelf: Sendable {
    private struct State {
        var values: [String: [UInt8]] = [:]
        /// Replaced ones, the newest first; they may still be echoed.
        var old: [(name: String, value: [UInt8])] = []
        /// When each value of now came into force.
        var since: [String: Timestamp] = [:]
        var version: UInt64 = 0
    }

    private static let oldLimit = 64
    private let state = Lock(State())

    func replace(_ secrets: SecretValues, at now: Timestamp) {
        state.withLock { state in
            let new = Dictionary(secrets.all.map { ($0.name, $0.value) }) { first, _ in first }
            guard new != state.values else { return }
            let gone = state.values.filter { new[$0.key] != $0.value }
            state.old = Array((gone.map { ($0.key, $0.value) } + state.old).prefix(Self.oldLimit))
            state.since = Dictionary(
                uniqueKeysWithValues: new.map { name, value in
                    (name, state.values[name] == value ? state.since[name] ?? now : now)
                }
            )
            state.values = new
            state.version += 1
        }
    }

    subscript(name: String) -> [UInt8]? { state.withLock { $0.values[name] } }

    func since(_ name: String) -> Timestamp? { state.withLock { $0.since[name] } }

    var version: UInt64 { state.withLock { $0.version } }

    /// Every value of these secrets, now and before.
    func values(of names: Set<String>) -> [(name: String, value: [UInt8])] {
        state.withLock { state in
            let current = state.values.filter { names.contains($0.key) }.map { ($0.key, $0.value) }
            return current + state.old.filter { names.contains($0.name) }
        }
    }
}
