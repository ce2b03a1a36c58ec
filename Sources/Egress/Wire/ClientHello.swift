/// The greeting of a TLS client (RFC 8446 section 4.1.2), as far as it says whom it greets.
///
/// Read strictly: lengths that do not fit are an error, never a guess, because what reads the bytes
/// after us must not find another name in them.
package struct ClientHello: Hashable, Sendable {
    /// What `server_name` says (RFC 6066 section 3); nil when the extension is not there.
    package let serverName: String?
    /// The true name is encrypted (ECH, or its ancestor ESNI): what is said in the open is not it.
    package let hidesServerName: Bool
    /// How many bytes of the stream it took, records included.
    package let byteCount: Int

    package enum Problem: Error, Hashable, Sendable {
        case notTLS
        case malformed
        case tooLong
    }

    /// Of a greeting with its records; browsers' post-quantum ones have about 2 KiB.
    package static let byteCountLimit = 16 << 10

    private init(serverName: String?, hidesServerName: Bool, byteCount: Int) {
        self.serverName = serverName
        self.hidesServerName = hidesServerName
        self.byteCount = byteCount
    }

    /// Reads a greeting at the front of `bytes`; nil when it has not all arrived.
    package static func read(_ bytes: [UInt8]) throws(Problem) -> ClientHello? {
        var records = Cursor(bytes[...])
        var message: [UInt8] = []
        while true {
            if message.count >= 4 {
                let length = message[1...3].reduce(0) { $0 << 8 | Int($1) }
                guard message[0] == 1 else { throw .notTLS }
                guard length <= byteCountLimit else { throw .tooLong }
                if message.count >= 4 + length {
                    // What follows in the same record would be a second message before an answer.
                    guard message.count == 4 + length else { throw .malformed }
                    return try body(message[4...], consumed: bytes.count - records.rest.count)
                }
            }
            guard bytes.count - records.rest.count <= byteCountLimit else { throw .tooLong }
            // Record: type 22, version 3.x, length (RFC 8446 section 5.1).
            guard let type = records.number(1) else { return nil }
            guard type == 22 else { throw .notTLS }
            guard let major = records.number(1), let minor = records.number(1) else { return nil }
            guard major == 3, minor <= 4 else { throw .notTLS }
            guard let length = records.number(2) else { return nil }
            guard (1...16_384).contains(length) else { throw .malformed }
            guard let fragment = records.take(length) else {
                if bytes.count > byteCountLimit { throw .tooLong }
                return nil
            }
            message += fragment
        }
    }

    private static func body(
        _ bytes: ArraySlice<UInt8>,
        consumed: Int
    ) throws(Problem) -> ClientHello {
        var cursor = Cursor(bytes)
        guard cursor.take(34) != nil,  // version and random
            let session = cursor.vector(1), session.count <= 32,
            let suites = cursor.vector(2), suites.count >= 2, suites.count % 2 == 0,
            let methods = cursor.vector(1), !methods.isEmpty
        else { throw .malformed }
        var name: String?
        var hides = false
        if !cursor.rest.isEmpty {
            guard let extensions = cursor.vector(2), cursor.rest.isEmpty else { throw .malformed }
            var list = Cursor(extensions)
            var seen: Set<Int> = []
            while !list.rest.isEmpty {
                guard let type = list.number(2), let content = list.vector(2) else {
                    throw .malformed
                }
                // RFC 8446 section 4.2: not twice; the second would be another opinion.
                guard seen.insert(type).inserted else { throw .malformed }
                switch type {
                case 0: name = try serverName(content)
                case 0xfe0d, 0xffce: hides = true
                default: break
                }
            }
        }
        return ClientHello(serverName: name, hidesServerName: hides, byteCount: consumed)
    }

    private static func serverName(_ content: ArraySlice<UInt8>) throws(Problem) -> String {
        var cursor = Cursor(content)
        guard let names = cursor.vector(2), cursor.rest.isEmpty else { throw .malformed }
        var list = Cursor(names)
        guard list.number(1) == 0, let name = list.vector(2), list.rest.isEmpty,
            (1...253).contains(name.count), name.allSatisfy({ (0x21..<0x7f).contains($0) })
        else { throw .malformed }
        return String(decoding: name, as: UTF8.self)
    }
}
