package import Audit

/// Seals the rows of the state, so that only who holds the key can make one.
///
/// A row that does not open under its own place counts as not there: whoever writes to the database
/// while no gateway runs makes no approver, no token and no yes.
package protocol RowSealing: Sendable {
    /// Nil when it cannot be sealed; the change is refused then.
    func seal(_ value: [UInt8], at key: StateKey) -> [UInt8]?
    func open(_ value: [UInt8], at key: StateKey) -> [UInt8]?
}

extension Transaction {
    /// The same with every row sealed; nil when one cannot be.
    func sealed(by rows: any RowSealing) -> Transaction? {
        guard !changes.isEmpty else { return self }
        var sealed = self
        sealed.changes = []
        for change in changes {
            guard case .put(let key, let value, let expectation) = change else {
                sealed.changes.append(change)
                continue
            }
            guard let value = rows.seal(value, at: key) else { return nil }
            sealed.changes.append(.put(key, value: value, expecting: expectation))
        }
        return sealed
    }
}

extension StateEntry {
    /// The row as its owner wrote it; nil when somebody else made or moved it.
    func opened(by rows: any RowSealing) -> StateEntry? {
        rows.open(value, at: key).map { StateEntry(key: key, version: version, value: $0) }
    }
}
