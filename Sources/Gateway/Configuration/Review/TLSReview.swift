import Base
import Crypto
import System

/// Looks at the certificates of the agents' listener: whether they can be used, for how long, and
/// whether they are for the names that agents use.
struct TLSReview {
    private let configuration: Configuration
    private let listen: Configuration.Listen
    private(set) var remarks: [Remark] = []

    /// When there is less left than this, it is said.
    private static let notice: Duration = .seconds(30 * 86_400)

    init(_ configuration: Configuration, folder: String, now: Timestamp) {
        self.configuration = configuration
        listen = configuration.listen
        guard let tls = listen.tls else { return }
        do throws(CertificateProblem) {
            let read = try ListenerCertificates(tls, folder: folder)
            for entry in read.entries {
                guard let trouble = entry.certificate.trouble(at: now, within: Self.notice) else {
                    continue
                }
                remark("certificate `\(entry.file)` \(trouble)", "renew it; SIGHUP takes it over")
            }
            lookAtNames(read.entries.map(\.certificate))
        } catch {
            remark("\(error); the gateway does not start", error.hint)
        }
    }

    private mutating func remark(_ text: String, _ hint: String?) {
        remarks.append(configuration.remark(at: ["listen", "tls"], text, hint: hint))
    }

    private mutating func lookAtNames(_ certificates: [Certificate]) {
        let hosts = Set(listen.hosts.map(Self.withoutPort))
        for host in hosts.sorted() {
            let isAddress = IPAddress(host) != nil
            if certificates.contains(where: { $0.isFor(host, isAddress: isAddress) }) { continue }
            remark(
                "no certificate is for `\(host)`, which `hosts` names",
                "agents that call the gateway by it refuse the connection; "
                    + "have it among the subject alternative names"
            )
        }
        for name in certificates.flatMap(\.plainNames) where !isServed(name, hosts) {
            remark(
                "a certificate is for `\(printable(name))`, which `hosts` does not name",
                "requests to that name are answered 421; add it: `hosts: [\(printable(name))]`"
            )
        }
    }

    private func isServed(_ name: String, _ hosts: Set<String>) -> Bool {
        let lower = name.lowercased()
        if hosts.contains(lower) { return true }
        guard let text = listen.mcp, let address = try? SocketAddress(parsing: text) else {
            return true
        }
        return address.isLoopback && lower == "localhost"
    }

    /// `gate.example:8930` and `[::1]:8930` without their ports and brackets, in small letters.
    private static func withoutPort(_ host: String) -> String {
        var name = Substring(host.lowercased())
        if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
            return String(name[name.index(after: name.startIndex)..<end])
        }
        if let colon = name.lastIndex(of: ":") { name = name[..<colon] }
        return String(name)
    }
}

extension Certificate {
    /// The host names it is for, without those of many hosts (`*.example`).
    fileprivate var plainNames: [String] {
        names.compactMap { name in
            if case .dns(let text) = name, !text.hasPrefix("*") { text } else { nil }
        }
    }
}
