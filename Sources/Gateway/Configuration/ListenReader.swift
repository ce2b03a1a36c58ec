import Base
private import HTTP
import Policy
private import System

/// Reads where the gateway is reached.
enum ListenReader {
    static func read(_ field: Field?) throws(ConfigurationError) -> Configuration.Listen {
        let members =
            try field?.members(
                of: [
                    "mcp", "open", "allow_from", "connections", "hosts", "origins", "tls", "http2",
                    "control", "control_from",
                ]
            ) ?? [:]
        let mcp = try members["mcp"]?.string() ?? "127.0.0.1:8930"
        let isOpen = try members["open"]?.bool() ?? false
        var tls: Configuration.TLS?
        var terminatedBy: [String] = []
        if let field = members["tls"] {
            tls = try TLSReader.read(field)
            for case ("terminated_by", let list) in try field.allMembers() {
                terminatedBy = try peers(list)
            }
        }
        if let field = members["mcp"], mcp != "none" {
            try check(
                mcp,
                field,
                open: isOpen ? members["open"] : nil,
                isSecure: tls != nil || !terminatedBy.isEmpty
            )
        }
        if let control = members["control"], members["control_from"] == nil,
            let text = try Self.control(control),
            (try? SocketAddress(parsing: text))?.isLoopback == false
        {
            throw control.wrong(
                "`\(text)` is not a loopback address",
                hint: "listen on 127.0.0.1, or say who may ask: `control_from: [ADDRESS, …]`"
            )
        }
        return Configuration.Listen(
            mcp: mcp == "none" ? nil : mcp,
            isOpen: isOpen,
            allowFrom: try members["allow_from"].map(ranges),
            connections: try members["connections"]?
                .integer(in: 1...Limits.connectionCountMaximum) ?? Limits.connectionCount,
            hosts: try members["hosts"].map(hosts) ?? [],
            origins: try members["origins"].map(origins) ?? [],
            terminatedBy: terminatedBy,
            tls: tls,
            http2: try members["http2"].map { field throws(ConfigurationError) in
                try http2(field, mcp, hasTLS: tls != nil)
            } ?? (tls != nil),
            control: try members["control"].flatMap(control),
            controlFrom: try members["control_from"].map(ranges) ?? []
        )
    }

    /// A listener that others can reach needs credentials, and TLS: ours, or a named peer's.
    private static func check(
        _ mcp: String,
        _ field: Field,
        open: Field?,
        isSecure: Bool
    ) throws(ConfigurationError) {
        let address: SocketAddress
        do throws(InvalidAddress) { address = try SocketAddress(parsing: mcp) } catch {
            throw field.wrong("\(error)", hint: "write `ADDRESS:PORT`, or `none`")
        }
        guard !address.isLoopback else { return }
        if let open { throw open.wrong("`open: true` is for loopback addresses only") }
        guard isSecure else {
            throw field.wrong(
                "`\(address)` is not a loopback address and has no TLS",
                hint: "write `tls: { certificate: FILE, key: FILE }`, or name the proxy that ends "
                    + "TLS (`tls: { terminated_by: [ADDRESS] }`), or listen on 127.0.0.1"
            )
        }
    }

    /// HTTP/2 without TLS is for this machine: nothing on the way agrees on it.
    private static func http2(
        _ field: Field,
        _ mcp: String,
        hasTLS: Bool
    ) throws(ConfigurationError) -> Bool {
        let isWanted = try field.bool()
        guard isWanted, !hasTLS else { return isWanted }
        guard (try? SocketAddress(parsing: mcp))?.isLoopback == true else {
            throw field.wrong(
                "`http2: true` without TLS is for loopback addresses only",
                hint: "write `tls: { certificate: FILE, key: FILE }`; agents agree on HTTP/2 there"
            )
        }
        return true
    }

    /// What a `Host` field can hold; anything else would never match one.
    static func hosts(_ field: Field) throws(ConfigurationError) -> [String] {
        var hosts: [String] = []
        for element in try field.elements() {
            let text = try element.string()
            guard let url = try? HTTPURL(parsing: "http://" + text), url.target == "/",
                !text.hasSuffix("/")
            else {
                throw element.wrong(
                    "`\(printable(text))` is no host",
                    hint: "write a name or an address, with or without port: `gate.example:8930`"
                )
            }
            hosts.append(text)
        }
        return hosts
    }

    /// What browsers send as `Origin`: scheme, host, and the port where it is not the scheme's own.
    private static func origins(_ field: Field) throws(ConfigurationError) -> [String] {
        var origins: [String] = []
        for element in try field.elements() {
            let text = try element.string()
            guard isOrigin(text) else {
                throw element.wrong(
                    "`\(printable(text))` is no origin a browser sends",
                    hint: "write scheme and host without a path: `https://gate.example`"
                )
            }
            origins.append(text)
        }
        return origins
    }

    private static func isOrigin(_ text: String) -> Bool {
        let lower = text.lowercased()
        if lower.hasPrefix("http://") || lower.hasPrefix("https://") {
            return (try? HTTPURL(parsing: text))?.origin.description == lower
        }
        // Those of editors and extensions, such as `vscode-webview://…`.
        guard let colon = lower.firstRange(of: "://") else { return false }
        let (scheme, host) = (lower[..<colon.lowerBound], lower[colon.upperBound...])
        return !scheme.isEmpty && !host.isEmpty
            && (scheme + host).utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
                    || "+-._:".utf8.contains(byte)
            }
    }

    /// Single addresses; any other spelling would never match a peer.
    private static func peers(_ field: Field) throws(ConfigurationError) -> [String] {
        var addresses: [String] = []
        for element in try field.elements() {
            let text = try element.string()
            guard let address = IPAddress(text) else {
                throw element.wrong(
                    "`\(printable(text))` is no address",
                    hint: "write the proxy's own, such as `10.0.0.7`"
                )
            }
            addresses.append(address.description)
        }
        return addresses
    }

    private static func control(_ field: Field) throws(ConfigurationError) -> String? {
        let text = try field.string()
        guard text != "none" else { return nil }
        do throws(InvalidAddress) { _ = try SocketAddress(parsing: text) } catch {
            throw field.wrong("\(error)")
        }
        return text
    }

    private static func ranges(_ field: Field) throws(ConfigurationError) -> [String] {
        let texts = try field.strings()
        if let wrong = texts.first(where: { AddressRange($0) == nil }) {
            throw field.wrong(
                "`\(printable(wrong))` is no address and no range of addresses",
                hint: "write `10.0.0.7` or `10.0.0.0/24`"
            )
        }
        return texts
    }
}
