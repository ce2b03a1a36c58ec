import Audit
import Base
import Storage

/// The last signature accepted under each key, in a row of its own beside what holds: a start without
/// a trust anchor does not make it forgotten, and no serial counts under another key than its own.
extension ConfigurationSignature {
    private static func row(of trust: TrustAnchor) -> StateKey {
        StateKey(.main, .settings, "signed \(trust.text)")
    }

    func keeping(under trust: TrustAnchor) -> StateChange {
        .put(Self.row(of: trust), value: Array(text.utf8), expecting: .anything)
    }

    static func last(
        under trust: TrustAnchor,
        in archive: LogArchive,
        _ rows: StateRows
    ) throws -> ConfigurationSignature? {
        try archive.entry(row(of: trust), openedBy: rows).map { entry in
            try ConfigurationSignature(SourceText(file: fileName, bytes: entry.value))
        }
    }
}
