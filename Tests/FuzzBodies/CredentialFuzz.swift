import Base
import Crypto
import Gateway
import HTTP
import JSON
import MCP
import Policy
import System

/// Bytes as a token's record, a command on the control socket, a cursor, a bearer header, a Host.
enum CredentialFuzz {
    private static let hashing: any Hashing = OpenSSLHashing()
    private static let principal = PrincipalKey(tenant: .main, token: "001122334455")
    private static let environment = EnvironmentName(unchecked: "staging")
    private static let secret = "gh_known"
    private static let cursors: SealedCursors? = {
        let key = try? SealingKey(SecretBytes([UInt8](repeating: 3, count: 32)))
        return key.map { SealedCursors(key: $0, random: CountingRandom()) }
    }()
    private static let tokens: TokenBook = {
        let tokens = TokenBook(hashing: hashing, clock: StandingClock())
        tokens.insert(
            TokenRecord(
                id: principal.token,
                hash: hashing.sha256(Array(secret.utf8)),
                owner: PrincipalName(unchecked: "ana"),
                tenant: .main,
                environment: environment,
                servers: nil,
                tools: nil,
                highestTier: .execute,
                allowedFrom: nil,
                issued: Timestamp(milliseconds: 0),
                expires: nil,
                run: "r1"
            )
        )
        return tokens
    }()

    static func check(_ bytes: [UInt8]) {
        cursor(bytes)
        head(bytes)
        guard let document = try? JSONDocument(parsing: bytes) else { return }
        record(document.root)
        command(document.root)
    }

    private static func record(_ root: JSONNode) {
        guard let record = TokenRecord(root) else { return }
        let text = record.value.serialised()
        guard let again = (try? JSONDocument(parsing: text)).flatMap({ TokenRecord($0.root) })
        else { return expect(false, "a record written can be read") }
        expect(again == record, "a record written and read is the same")
        // What was not understood must not have widened what the token may do.
        expect(
            (root["servers"] == nil) == (record.servers == nil)
                && (root["tools"] == nil) == (record.tools == nil)
                && (root["allow_from"] == nil) == (record.allowedFrom == nil)
                && (root["expires"] == nil) == (record.expires == nil),
            "a narrowing that is there is kept"
        )
        _ = record.makePrincipal()
        _ = record.issued.description
    }

    private static func command(_ root: JSONNode) {
        do throws(ControlError) {
            let request = try ControlRequest(root)
            _ = request.int("limit")
            _ = request.bool("all")
            _ = try request.required("id")
        } catch {
            expect(isOneLine(error.description), "an error is one line")
        }
    }

    private static func cursor(_ bytes: [UInt8]) {
        guard let cursors else { return expect(false, "a sealing key has 32 bytes") }
        let place = Endpoint.all
        let position = CursorPosition(
            version: UInt64(bytes.count),
            offset: Int(bytes.first ?? 0)
        )
        let sealed = cursors.seal(position, .tool, for: principal, place)
        expect(cursors.open(sealed, .tool, for: principal, place) == position, "a cursor opens")
        let other = PrincipalKey(tenant: .main, token: "other")
        expect(cursors.open(sealed, .tool, for: other, place) == nil, "a cursor is its principal's")
        // The fuzzer may have seen an earlier cursor; then it is that one, to the last bit.
        if let opened = cursors.open(text(bytes), .tool, for: principal, place) {
            let made = cursors.seal(opened, .tool, for: principal, place)
            expect(Array(made.utf8) == bytes, "nobody else makes a cursor")
        }
        // The input chooses a place and a bit to change.
        guard let first = bytes.first, let plain = Base64.decode(sealed, .urlSafe) else { return }
        var changed = plain
        changed[Int(first) % changed.count] ^= 1 << ((bytes.last ?? 0) % 8)
        let forged = Base64.encode(changed, .urlSafe)
        expect(
            cursors.open(forged, .tool, for: principal, place) == nil,
            "a changed cursor is none"
        )
    }

    private static func head(_ bytes: [UInt8]) {
        let line = bytes.prefix { $0 != 13 && $0 != 10 }
        let start = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
        if let head = parsed(Array(start.utf8) + line + Array("\r\n\r\n".utf8)) {
            let authenticator = BearerAuthenticator(
                tokens: tokens,
                environment: environment,
                open: nil
            )
            let peer = SocketAddress.unix(path: "")
            let isIn = (try? authenticator.authenticate(head, peer: peer).get()) != nil
            let words = text(head[.authorization] ?? [])
            let isKnown =
                words.prefix(7).lowercased() == "bearer " && words.dropFirst(7) == secret[...]
            expect(isIn == isKnown, "the one token is let in, and nothing else")
        }
        guard let listener = try? SocketAddress(parsing: "127.0.0.1:8930") else { return }
        let hosts = AllowedHosts(names: ["gate.example"], listener: listener, origins: [])
        if let head = parsed(Array("GET / HTTP/1.1\r\nHost: ".utf8) + line + Array("\r\n\r\n".utf8))
        {
            let host = text(head[.host] ?? []).lowercased()
            let names = ["localhost", "127.0.0.1", "[::1]", "gate.example"]
            let isServed = hosts.refusal(of: head) == nil
            expect(
                isServed
                    == names.contains {
                        host == $0 || (host.hasPrefix($0 + ":") && port(host) == 8930)
                    },
                "only hosts that were named are served: \(host)"
            )
        }
    }

    private static func port(_ host: String) -> Int? {
        host.split(separator: ":").last.flatMap { Int($0) }
    }

    private static func parsed(_ bytes: [UInt8]) -> RequestHead? {
        var scanner = HeadScanner()
        return (try? RequestHead(from: bytes.span, scanner: &scanner)).flatMap { $0 }
    }
}
