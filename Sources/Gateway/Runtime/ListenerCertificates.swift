import Base
import Crypto
import System

/// What a listener shows its clients, read from its files at a start and at each reload.
struct ListenerCertificates: Sendable {
    /// One certificate and the file it stands in.
    struct Entry: Sendable {
        let file: String
        let certificate: Certificate
    }

    let entries: [Entry]
    let context: TLSContext
    /// The authorities of the clients, where they are asked for certificates.
    let authorities: [UInt8]?

    private static let chainByteCount = 256 << 10

    /// Reads all of them; it blocks.
    ///
    /// - Parameter known: the clients' authorities to keep, whatever their file says by now.
    init(
        _ tls: Configuration.TLS,
        folder: String,
        keeping known: [UInt8]? = nil
    ) throws(CertificateProblem) {
        var entries: [Entry] = []
        var identities: [TLSIdentity] = []
        for identity in tls.identities {
            let chain = try Self.chain(identity.certificate, folder)
            guard let certificate = Certificate(pem: chain) else {
                throw CertificateProblem(
                    file: identity.certificate,
                    reason: "it is no certificate in PEM form",
                    hint: "name the chain, the server's own certificate first"
                )
            }
            entries.append(Entry(file: identity.certificate, certificate: certificate))
            identities.append(
                TLSIdentity(
                    name: identity.certificate,
                    chain: chain,
                    key: try KeyFile.read(Paths.join(folder, identity.key), named: identity.key)
                )
            )
        }
        var trust: TLSClientTrust?
        if let clients = tls.clients {
            let authorities: [UInt8]
            if let known {
                authorities = known
            } else {
                authorities = try Self.chain(clients.authorities, folder)
            }
            trust = TLSClientTrust(
                name: clients.authorities,
                authorities: authorities,
                isRequired: clients.isRequired
            )
        }
        do throws(TLSError) {
            context = try TLSContext(serving: identities, askingFor: trust)
        } catch {
            guard case .notLoaded(let files, let reason) = error, let file = files.first else {
                throw CertificateProblem(file: "tls", reason: "\(error)")
            }
            throw CertificateProblem(file: file, reason: reason)
        }
        self.entries = entries
        authorities = trust?.authorities
    }

    static func chain(
        _ name: String,
        _ folder: String
    ) throws(CertificateProblem) -> [UInt8] {
        do throws(SystemError) {
            return try Files.read(Paths.join(folder, name), limit: chainByteCount)
        } catch { throw CertificateProblem(file: name, reason: "it cannot be read: \(error)") }
    }
}

/// Why a listener's certificate cannot be used.
struct CertificateProblem: Error, CustomStringConvertible {
    let file: String
    let reason: String
    var hint: String?

    var description: String { "certificate `\(printable(file))`: \(reason)" }
}

/// The private key of a certificate: a file nobody but its owner knows more of than the name.
enum KeyFile {
    private static let byteCount = 64 << 10

    /// Links are followed, because those who renew certificates replace links; what counts is the
    /// file that was opened.
    static func read(_ path: String, named name: String) throws(CertificateProblem) -> SecretBytes {
        let (facts, bytes): (FileFacts, [UInt8])
        do throws(SystemError) {
            let file = try Files.open(path, [.read, .followLinks])
            facts = try FileFacts(file)
            bytes = try Files.read(file, limit: byteCount, name: path)
        } catch {
            throw CertificateProblem(file: name, reason: "the key cannot be read: \(error)")
        }
        guard facts.kind == .regular else {
            throw CertificateProblem(file: name, reason: "the key is no file")
        }
        guard facts.isPrivate else {
            throw CertificateProblem(
                file: name,
                reason: "the key may be read by others",
                hint: "chmod 600 \(name)"
            )
        }
        guard facts.userID == Process.userID || facts.userID == 0 else {
            throw CertificateProblem(
                file: name,
                reason: "the key belongs to user \(facts.userID)",
                hint: "chown it to the gateway's own user"
            )
        }
        return SecretBytes(bytes)
    }
}
