import Base
import Crypto
import JSON
import Storage
import System

/// The embedded store of secrets: one file of values sealed with AES-256-GCM, one by one.
///
/// The key comes from `GATEHOUSE_SECRETS_KEY` (64 hexadecimal digits), from systemd's credential
/// `gatehouse-secrets-key`, or from an owner-only file beside the store, made when it is first needed.
/// Only the first two keep the values from who can read the whole state folder.
///
/// It blocks: a small file is read or replaced.
struct SecretVault: Sendable {
    let folder: String
    let environment: @Sendable (String) -> String?
    let random: any RandomSource

    static let countLimit = 256
    private static let byteCountLimit = 32 << 20

    private var file: String { folder + "/secrets.sealed" }

    /// One stored secret, without its value.
    struct Entry: Sendable {
        let name: String
        let changed: Timestamp
    }

    func entries() throws(SecretProblem) -> [Entry] {
        try rows().map { Entry(name: $0.name, changed: $0.changed) }.sorted { $0.name < $1.name }
    }

    /// Nil when nothing is stored under the name.
    func value(_ name: String) throws(SecretProblem) -> [UInt8]? {
        guard let row = try rows().first(where: { $0.name == name }) else { return nil }
        let key = try sealingKey()
        do throws(CryptoError) {
            return try key.open(row.sealed, context: Self.context(name))
        } catch {
            throw SecretProblem(
                text: "it was sealed with another key; set it again, or bring the key back"
            )
        }
    }

    func set(_ name: String, _ value: [UInt8], at now: Timestamp) throws(SecretProblem) {
        guard (1...SecretFile.byteCountLimit).contains(value.count) else {
            throw SecretProblem(text: "a secret has 1 to \(SecretFile.byteCountLimit) bytes")
        }
        var rows = try rows().filter { $0.name != name }
        guard rows.count < Self.countLimit else {
            throw SecretProblem(text: "\(Self.countLimit) secrets are stored; remove one first")
        }
        let key = try sealingKey()
        let sealed: [UInt8]
        do throws(CryptoError) {
            sealed = try key.seal(value, context: Self.context(name), random: random)
        } catch { throw SecretProblem(text: "\(error)") }
        rows.append(Row(name: name, changed: now, sealed: sealed))
        try write(rows)
    }

    /// False when nothing was stored under the name.
    func remove(_ name: String) throws(SecretProblem) -> Bool {
        let rows = try rows()
        let rest = rows.filter { $0.name != name }
        guard rest.count < rows.count else { return false }
        try write(rest)
        return true
    }

    // MARK: The file

    private struct Row {
        let name: String
        let changed: Timestamp
        let sealed: [UInt8]
    }

    /// The name is authenticated, so that no value can be put under another.
    private static func context(_ name: String) -> [UInt8] {
        Array("gatehouse secret/\(name)".utf8)
    }

    private func rows() throws(SecretProblem) -> [Row] {
        guard Files.exists(file) else { return [] }
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try Files.read(file, limit: Self.byteCountLimit) } catch {
            throw SecretProblem(text: "\(error)")
        }
        guard let document = try? JSONDocument(parsing: bytes, limits: .result),
            document.root["gatehouse-secrets"]?.number?.int64 == 1
        else { throw SecretProblem(text: "`\(file)` is damaged; bring it back from a backup") }
        var rows: [Row] = []
        for (name, value) in document.root["secrets"]?.members.map({ $0 }) ?? [] {
            guard let changed = value["changed"]?.number?.int64,
                let sealed = value["sealed"]?.string.flatMap({ Base64.decode($0) })
            else { throw SecretProblem(text: "`\(file)` is damaged at `\(printable(name.text))`") }
            rows.append(
                Row(
                    name: name.text,
                    changed: Timestamp(milliseconds: changed),
                    sealed: sealed
                )
            )
        }
        return rows
    }

    private func write(_ rows: [Row]) throws(SecretProblem) {
        var secrets = JSONObject()
        for row in rows.sorted(by: { $0.name < $1.name }) {
            var object = JSONObject()
            object["changed"] = JSONValue(row.changed.milliseconds)
            object["sealed"] = JSONValue(Base64.encode(row.sealed))
            secrets[JSONString(row.name)] = .object(object)
        }
        var root = JSONObject()
        root["gatehouse-secrets"] = JSONValue(1)
        root["secrets"] = .object(secrets)
        do throws(SystemError) {
            try Files.replace(file, with: JSONValue.object(root).serialised(), mode: 0o600)
        } catch { throw SecretProblem(text: "\(error)") }
    }

    // MARK: The key

    private static let keyName = "gatehouse-secrets-key"

    /// Where the key comes from, for people.
    var keySource: String {
        if environment("GATEHOUSE_SECRETS_KEY") != nil { return "environment" }
        if let file = credentialFile, Files.exists(file) { return "systemd credential" }
        return "file in the state folder"
    }

    private var credentialFile: String? {
        environment("CREDENTIALS_DIRECTORY").map { $0 + "/" + Self.keyName }
    }

    private func sealingKey() throws(SecretProblem) -> SealingKey {
        let bytes: [UInt8]
        if let text = environment("GATEHOUSE_SECRETS_KEY") {
            guard let decoded = Hex.decode(text), decoded.count == SealingKey.byteCount else {
                throw SecretProblem(text: "GATEHOUSE_SECRETS_KEY must be 64 hexadecimal digits")
            }
            bytes = decoded
        } else if let file = credentialFile, Files.exists(file) {
            bytes = try credential(file)
        } else {
            do {
                bytes = try LogFile.secret(
                    folder + "/secrets.key",
                    byteCount: SealingKey.byteCount,
                    random: random
                )
            } catch { throw SecretProblem(text: "\(error)") }
        }
        do throws(CryptoError) { return try SealingKey(SecretBytes(bytes)) } catch {
            throw SecretProblem(text: "\(error)")
        }
    }

    /// 32 bytes, or 64 hexadecimal digits.
    private func credential(_ file: String) throws(SecretProblem) -> [UInt8] {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try Files.read(file, limit: 4096) } catch {
            throw SecretProblem(text: "\(error)")
        }
        if bytes.count == SealingKey.byteCount { return bytes }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
        guard let decoded = Hex.decode(text), decoded.count == SealingKey.byteCount else {
            throw SecretProblem(text: "the credential `\(Self.keyName)` must have 32 bytes")
        }
        return decoded
    }
}
