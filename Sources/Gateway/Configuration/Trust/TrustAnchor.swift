import Base
import System

/// The public key that signs what a gateway may run under.
///
/// It lies outside of the files it protects: in a file of root's, or on the command line. Whoever may
/// write `gatehouse.yaml` and `gatehouse.lock` then still cannot change what holds.
package struct TrustAnchor: Sendable, Equatable {
    package let publicKey: [UInt8]

    /// Where a machine keeps it; one line, as `text` writes it.
    package static let path = "/etc/gatehouse/trust.pub"
    package static let prefix = "ed25519:"
    private static let fileByteCountLimit = 1024

    package init(publicKey: [UInt8]) { self.publicKey = publicKey }

    /// Reads `ed25519:` and 64 hexadecimal digits.
    package init(_ text: String) throws(ControlError) {
        guard text.hasPrefix(Self.prefix),
            let key = Hex.decode(text.dropFirst(Self.prefix.count)), key.count == 32
        else {
            throw ControlError(
                .usage,
                "`\(printable(text, limit: 100))` is no public key",
                hint:
                    "it is `\(Self.prefix)` and 64 hexadecimal digits, as `gatehouse config key` prints it"
            )
        }
        publicKey = key
    }

    package var text: String { Self.prefix + Hex.encode(publicKey) }

    /// The key this machine goes by, or nil where none was given.
    ///
    /// A file that cannot be used stops the start: a trust anchor is never quietly gone without. Where
    /// the command line names a key as well, it must be the same one.
    package static func here(
        option: String?,
        file: String = path,
        owner: UInt32 = 0
    ) throws -> TrustAnchor? {
        let named = try option.map { text throws(ControlError) in try TrustAnchor(text) }
        guard let kept = try read(file, owner: owner) else { return named }
        guard named == nil || named == kept else {
            throw ControlError(
                .usage,
                "`--trust` names another key than `\(file)`",
                hint: "give one of them, or the same key twice"
            )
        }
        return kept
    }

    private static func read(_ file: String, owner: UInt32) throws -> TrustAnchor? {
        let facts: FileFacts
        do throws(SystemError) {
            facts = try FileFacts(file)
        } catch {
            guard error.code != Errno.noEntry else { return nil }
            throw unusable(file, "cannot be looked at: \(error)")
        }
        guard facts.kind == .regular, facts.userID == owner, facts.mode & 0o022 == 0 else {
            throw unusable(file, "must be a file of user \(owner) that nobody else may write")
        }
        let folder = try FileFacts(Files.split(file).folder)
        guard folder.userID == owner, folder.mode & 0o022 == 0 else {
            throw unusable(file, "lies in a folder that others than user \(owner) may write")
        }
        let bytes = try Files.read(file, limit: fileByteCountLimit, followsLinks: false)
        let text = String(decoding: bytes, as: UTF8.self)
        return try TrustAnchor(String(text.prefix { $0 != "\n" && $0 != "\r\n" }))
    }

    private static func unusable(_ file: String, _ reason: String) -> ControlError {
        ControlError(
            .usage,
            "`\(file)` \(reason)",
            hint: "without a trust anchor the file must not be there at all"
        )
    }
}
