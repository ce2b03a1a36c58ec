private import System

extension Configuration {
    /// Where people log in with a browser, and programs use the control API.
    package struct Console: Sendable, Equatable {
        /// `ADDRESS:PORT`.
        package let listen: String
        /// The names people reach it under, beside its own address.
        package let hosts: [String]
        /// Nil for plain HTTP, on loopback alone.
        package let tls: TLS?
    }
}

/// Reads `console`; nothing listens for people where it is not written.
enum ConsoleReader {
    static let defaultAddress = "127.0.0.1:8931"

    static func read(_ field: Field?) throws(ConfigurationError) -> Configuration.Console? {
        guard let field else { return nil }
        let members = try field.members(of: ["listen", "hosts", "tls"])
        let listen = try members["listen"]?.string() ?? defaultAddress
        if listen == "none" { return nil }
        let console = Configuration.Console(
            listen: listen,
            hosts: try members["hosts"].map(ListenReader.hosts) ?? [],
            tls: try members["tls"].flatMap(tls)
        )
        try check(console, members["listen"] ?? field)
        return console
    }

    private static func tls(_ field: Field) throws(ConfigurationError) -> Configuration.TLS? {
        // A proxy that ends TLS would have to be trusted with every passphrase, and could not be
        // told from another process of its machine.
        for case ("terminated_by", let list) in try field.allMembers() {
            throw list.wrong(
                "the console speaks TLS itself",
                hint: "write `tls: { certificate: FILE, key: FILE }`"
            )
        }
        return try TLSReader.read(field)
    }

    /// Passphrases travel in the clear on this machine only, and a browser must be told a name
    /// apart from every other.
    private static func check(
        _ console: Configuration.Console,
        _ place: Field
    ) throws(ConfigurationError) {
        let address: SocketAddress
        do throws(InvalidAddress) { address = try SocketAddress(parsing: console.listen) } catch {
            throw place.wrong("\(error)", hint: "write `ADDRESS:PORT`, or `none`")
        }
        guard !address.isLoopback else { return }
        guard console.tls != nil else {
            throw place.wrong(
                "`\(address)` is not a loopback address: a passphrase would travel in the clear",
                hint: "write `tls: { certificate: FILE, key: FILE }` and `hosts: [NAME]`, or "
                    + "listen on 127.0.0.1 and reach it through `ssh -L`"
            )
        }
        guard !console.hosts.isEmpty else {
            throw place.wrong(
                "the console has no name",
                hint: "write the names people type: `hosts: [gate.example.org]`"
            )
        }
    }
}
