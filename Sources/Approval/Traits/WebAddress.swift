import Egress

/// The host a URL leads to, as the URL standard of WHATWG reads it (sections 4.4 and 3.5).
///
/// Nothing is repaired for the sake of showing it: what cannot be read is said to be unreadable.
struct WebAddress: Sendable, Equatable {
    /// Lower case, such as `https`.
    let scheme: String
    /// Nil where no host can be read.
    let host: WebHost?
    let port: UInt16?
    /// A name or password stands before the host, which readers take for the host.
    let hasUser: Bool
    /// What follows the authority, as it was written.
    let rest: String
    /// The host as it was written.
    let written: String

    /// Nil for a text that is no absolute URL with an authority.
    init?(_ text: String) {
        // Controls and blanks around it, tabs and newlines in it: a browser drops them.
        let trimmed = Array(text.utf8.drop { $0 <= 0x20 })
        let end = trimmed.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? 0
        let bytes = trimmed[..<end].filter { $0 != 0x09 && $0 != 0x0a && $0 != 0x0d }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), (1...20).contains(colon),
            bytes[0] | 0x20 >= 0x61, bytes[0] | 0x20 <= 0x7a,
            bytes[..<colon].allSatisfy({ byte in
                (0x61...0x7a).contains(byte | 0x20) || byte &- 0x30 < 10
                    || [0x2b, 0x2d, 0x2e].contains(byte)
            })
        else { return nil }
        scheme = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
        let isWeb = ["http", "https", "ws", "wss", "ftp"].contains(scheme)
        let slash = UInt8(ascii: "/")
        let backslash = UInt8(ascii: "\\")
        let rest = bytes[(colon + 1)...]
        guard isWeb ? rest.first == slash || rest.first == backslash : rest.starts(with: "//".utf8)
        else { return nil }
        // For the web's schemes any number of slashes leads to the host, and a backslash is one.
        let after =
            isWeb ? rest.drop { $0 == slash || $0 == backslash } : rest.dropFirst(2)
        let authority = after.prefix { byte in
            byte != slash && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
                && !(isWeb && byte == backslash)
        }
        self.rest = String(decoding: after[authority.endIndex...], as: UTF8.self)
        let at = authority.lastIndex(of: UInt8(ascii: "@"))
        hasUser = at != nil
        let place = at.map { authority[($0 + 1)...] } ?? authority
        let split = EgressTarget.split(place)
        written = String(decoding: split?.host ?? place, as: UTF8.self)
        port = split?.port
        host = split.flatMap { try? WebHost(parsing: $0.host) }
    }

    /// As it is remembered and shown.
    var place: String { host?.description ?? "(unreadable) \(written)" }

    /// Why a person should look twice; nil where nothing is odd.
    var warnings: [String] {
        var warnings: [String] = []
        if hasUser { warnings.append("what stands before `@` is a name, the host comes after it") }
        switch host {
        case nil: warnings.append("the host cannot be read; clients may differ in where they go")
        case .address(let address):
            let reach = AddressReach(address)
            if reach != .isPublic { warnings.append("an address that is \(reach.rawValue)") }
        case .name(let name):
            if name.split(separator: ".").contains(where: { $0.hasPrefix("xn--") }) {
                warnings.append("the name holds letters of other scripts (xn--)")
            }
            if !written.utf8.elementsEqual(name.utf8), written.lowercased() != name {
                warnings.append("it is written otherwise than it is read")
            }
        }
        return warnings
    }
}
