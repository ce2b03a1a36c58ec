import Base
import Crypto
import HTTP
import System

/// What the agents' listener speaks TLS with, and how its files fared at the last look.
struct ListenerTLS {
    let server: ServerTLS
    let settings: Configuration.TLS
    /// Of the clients; as the start found them.
    let authorities: [UInt8]?
    var entries: [ListenerCertificates.Entry]
    /// Why the files on the disk were not taken over; nil when they were.
    var failure: String?
}

extension Gateway {
    /// How long before the end of a certificate `readyz`, `status` and the log speak of it.
    static let expiryNotice: Duration = .seconds(14 * 86_400)

    /// Reads the certificates a start needs; nil where the listener speaks plain HTTP.
    func startTLS() throws(ConfigurationError) -> ServerTLS? {
        guard let settings = current.configuration.listen.tls else { return nil }
        let read: ListenerCertificates
        do throws(CertificateProblem) {
            read = try ListenerCertificates(settings, folder: folder)
        } catch {
            let remark = current.configuration.remark(at: ["listen", "tls"], "\(error)")
            throw ConfigurationError(
                file: remark.file,
                position: remark.position,
                problem: remark.text,
                hint: error.hint
            )
        }
        let log = HandshakeLog(clock: parts.clock, log: parts.log)
        let server = ServerTLS(
            read.context,
            offersHTTP2: current.configuration.listen.http2
        ) { peer, reason in log.note(peer, reason) }
        tls = ListenerTLS(
            server: server,
            settings: settings,
            authorities: read.authorities,
            entries: read.entries
        )
        say(read.entries)
        return server
    }

    /// Reads the certificates again; connections go on with what they began with, and the old ones
    /// stay where the new cannot be used.
    func reloadCertificates() {
        guard let settings = tls?.settings else { return }
        do throws(CertificateProblem) {
            let read = try ListenerCertificates(
                settings,
                folder: folder,
                keeping: tls?.authorities
            )
            tls?.server.replace(with: read.context)
            let known = Set(tls?.entries.map(\.certificate.digest) ?? [])
            tls?.entries = read.entries
            tls?.failure = nil
            noteChangedAuthorities()
            let fresh = read.entries.filter { !known.contains($0.certificate.digest) }
            say(fresh)
            if !fresh.isEmpty, let server { loop.spawn { await server.renewConnections() } }
        } catch {
            tls?.failure = "\(error)"
            parts.log("certificates not reloaded, the old ones stay: \(error)")
        }
    }

    /// Whoever names the authorities of the clients says who agents are: that is no renewal.
    private func noteChangedAuthorities() {
        guard let clients = tls?.settings.clients, let known = tls?.authorities,
            (try? ListenerCertificates.chain(clients.authorities, folder)) != known
        else { return }
        parts.log(
            "the authorities of client certificates changed on the disk; "
                + "they are taken at the next start"
        )
    }

    private func say(_ entries: [ListenerCertificates.Entry]) {
        for entry in entries {
            let end = entry.certificate.notAfter.description
            parts.log("certificate \(entry.file): \(entry.certificate.subject), until \(end)")
        }
    }

    /// What an operator should know of the certificates.
    var certificateNotes: [String] {
        guard let tls else { return [] }
        let now = parts.clock.timestamp
        var notes = tls.entries.compactMap { entry in
            entry.certificate.trouble(at: now, within: Self.expiryNotice).map {
                "tls: certificate \(entry.file) \($0)"
            }
        }
        if tls.failure != nil {
            notes.append("tls: the certificates on the disk were not taken; the log says why")
        }
        return notes
    }

    func writeTLS(to text: inout MetricsText) {
        guard let tls else { return }
        let tally = tls.server.tally
        text.family(
            "gatehouse_tls_handshakes_total",
            .counter,
            "TLS handshakes of agents by how they ended; left: the client went away before."
        )
        text.sample(tally.completed, [("result", "completed")])
        text.sample(tally.failed, [("result", "failed")])
        text.sample(tally.timedOut, [("result", "timed_out")])
        text.sample(tally.left, [("result", "left")])
        text.family(
            "gatehouse_tls_certificate_expiry_seconds",
            .gauge,
            "When the certificate ends, in seconds since 1970."
        )
        for (file, end) in tls.ends.sorted(by: { $0.key < $1.key }) {
            text.sample(seconds: .milliseconds(end.milliseconds), [("file", file)])
        }
        text.family(
            "gatehouse_tls_certificates_refused",
            .gauge,
            "1 while the certificates on the disk could not be taken over."
        )
        text.sample(tls.failure != nil)
    }
}

extension ListenerTLS {
    /// A file twice in the list is one sample: the one that ends first.
    fileprivate var ends: [String: Timestamp] {
        Dictionary(entries.map { ($0.file, $0.certificate.notAfter) }, uniquingKeysWith: min)
    }
}

extension Certificate {
    /// Why clients refuse it, or soon will; nil when it holds for longer than `notice`.
    func trouble(at now: Timestamp, within notice: Duration) -> String? {
        if now < notBefore { return "is not valid before \(notBefore.description)" }
        let left = notAfter.milliseconds - now.milliseconds
        let end = notAfter.description
        if left < 0 { return "expired at \(end)" }
        guard left < notice.milliseconds else { return nil }
        let days = left / 86_400_000
        return days == 0 ? "expires at \(end)" : "expires in \(days) days, at \(end)"
    }
}

/// Says that handshakes fail, once a minute: whoever can connect can make them fail.
private final class HandshakeLog: Sendable {
    private static let pause: Duration = .seconds(60)

    private let state = Lock((quietUntil: Instant(nanoseconds: 0), unsaid: 0))
    private let clock: any Clock
    private let log: @Sendable (String) -> Void

    init(clock: any Clock, log: @escaping @Sendable (String) -> Void) {
        self.clock = clock
        self.log = log
    }

    func note(_ peer: SocketAddress, _ reason: String) {
        let now = clock.instant
        let before = state.withLock { state -> Int? in
            guard now >= state.quietUntil else {
                state.unsaid += 1
                return nil
            }
            defer { state = (now.advanced(by: Self.pause), 0) }
            return state.unsaid
        }
        guard let before else { return }
        let more = before == 0 ? "" : " (and \(before) more since the last line of this kind)"
        log("no TLS with \(peer): \(printable(reason, limit: 200))\(more)")
    }
}
