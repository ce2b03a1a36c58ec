import Base
import Crypto
import Gateway
import JSON
import Policy

/// A configuration, a lock, or a client's `mcpServers` file, as YAML or as JSON.
///
/// The same value written as JSON is read like the YAML it came from; a lock written again is the
/// same lock; errors are one line and point into the text.
enum ConfigurationFuzz {
    private static let hashing: any Hashing = OpenSSLHashing()

    static func check(_ bytes: [UInt8]) {
        guard let source = source(bytes, lines: bytes) else { return }
        let asJSON =
            source.document.root.kind == .object
            ? try? SourceText(file: "fuzz.json", bytes: source.document.root.value.serialised())
            : nil
        if let asJSON {
            expect(
                asJSON.document.root.value == source.document.root.value,
                "a YAML text written as JSON is the same value"
            )
        }
        lock(source, asJSON, bytes)
        configuration(source, asJSON, bytes)
    }

    private static func source(_ bytes: [UInt8], lines: [UInt8]) -> SourceText? {
        do throws(ConfigurationError) {
            return try SourceText(file: "fuzz.yaml", bytes: bytes)
        } catch {
            fault(error, lines)
            return nil
        }
    }

    private static func fault(_ error: ConfigurationError, _ bytes: [UInt8]) {
        // Of a policy all problems are told, each on its line.
        let lines = error.description.split(separator: "\n")
        expect(lines.allSatisfy { isOneLine(String($0)) }, "an error is one line: \(error)")
        expect(error.hint.map(isOneLine) ?? true, "a hint is one line")
        guard let position = error.position else { return }
        // CR, NEL, LS and PS end lines in YAML too; a place is never beyond all of them.
        expect(
            position.line >= 1 && position.column >= 1 && position.line <= bytes.count + 1,
            "an error points into the text"
        )
    }

    private static func lock(_ source: SourceText, _ asJSON: SourceText?, _ bytes: [UInt8]) {
        let lock: LockFile
        do throws(ConfigurationError) {
            lock = try LockFile(source)
        } catch { return fault(error, bytes) }
        // Statements know where they stood, so that locks are compared by what is written of them.
        if let asJSON {
            expect((try? LockFile(asJSON))?.text == lock.text, "YAML and JSON say the same lock")
        }
        guard let text = try? SourceText(file: "gatehouse.lock", bytes: Array(lock.text.utf8)),
            let again = try? LockFile(text)
        else { return expect(false, "a lock written can be read") }
        expect(again.text == lock.text, "a lock written, read and written is the same")
        for (id, tenant) in lock.tenants {
            expect(again.tenants[id]?.servers == tenant.servers, "a lock keeps every pin")
        }
    }

    private static func configuration(
        _ source: SourceText,
        _ asJSON: SourceText?,
        _ bytes: [UInt8]
    ) {
        let set: PolicySet
        do throws(ConfigurationError) {
            set = try PolicySet(try Configuration(source), lock: .empty, hashing: hashing)
        } catch {
            fault(error, bytes)
            if let asJSON {
                let other = try? Configuration(asJSON)
                let made = other.flatMap {
                    try? PolicySet($0, lock: .empty, hashing: hashing)
                }
                expect(made == nil, "what YAML may not say, JSON may not say: \(error)")
            }
            return
        }
        for warning in set.configuration.warnings { expect(isOneLine(warning.text), "one line") }
        guard let asJSON else { return }
        guard let other = try? Configuration(asJSON) else {
            return expect(false, "a configuration written as JSON is one")
        }
        expect(
            other.servers == set.configuration.servers && other.listen == set.configuration.listen
                && other.secrets == set.configuration.secrets
                && other.approvals == set.configuration.approvals
                && other.audit == set.configuration.audit
                && other.warnings.map(\.text) == set.configuration.warnings.map(\.text),
            "YAML and JSON say the same configuration"
        )
    }
}
