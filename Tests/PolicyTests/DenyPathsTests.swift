import Base
import JSON
import Policy
import TestKit
import Testing

@Suite struct DenyPathsTests {
    private let standard = DenyPaths(DenyPath.standard)

    private func match(_ value: String, _ denied: DenyPaths? = nil) throws -> String? {
        let form = try CallForm(
            node(
                String(decoding: JSONValue.object(["0": .init(value)]).serialised(), as: UTF8.self)
            )
        )
        return (denied ?? standard).firstMatch(in: form.bytes)?.text
    }

    @Test(
        "refuses a denied path however it is spelled",
        arguments: [
            (".env", ".env"), ("./.env", ".env"), ("/srv/app/.env", ".env"), ("app/.env/x", ".env"),
            (".ENV", ".env"), (".env.", ".env"), (".env ", ".env"), (" .env", ".env"),
            ("app\\.env", ".env"), ("C:\\app\\.Env", ".env"), (".env::$DATA", ".env"),
            ("a/../.env", ".env"), (".env/../a", ".env"), ("x=.env", ".env"),
            ("--file=app/.env", ".env"),
            ("%2eenv", ".env"), ("app%2f.env", ".env"), ("app%252f.env", ".env"),
            ("%252eenv", ".env"),
            ("%u002eenv", ".env"), ("app%5c.env", ".env"), ("%c0%aeenv", ".env"),
            ("\u{ff0e}env", ".env"), (".\u{200b}env", ".env"), (".\u{ff25}nv", ".env"),
            ("a\u{2215}.env", ".env"),
            (".env\0.png", ".env"), ("x\0/.env", ".env"), (".env\n", ".env"),
            ("~/.ssh/id_rsa", ".ssh/"), (".ssh", ".ssh/"), (".ssh/", ".ssh/"),
            ("host:.ssh/id", ".ssh/"),
            ("/home/u/.SSH/config", ".ssh/"), ("file:///home/u/.ssh/config", ".ssh/"),
            (".\u{17f}\u{17f}h/x", ".ssh/"),
            ("/root/.aws/credentials", ".aws/"),
            ("repo/.git/config", ".git/config"), (".git//config", ".git/config"),
            (".git/./config", ".git/config"),
            (".git/hooks/../config", ".git/config"), (".git\\config", ".git/config"),
            ("/etc/passwd", "/etc/passwd"), ("//etc///passwd", "/etc/passwd"),
            ("/etc/./passwd", "/etc/passwd"),
            ("/etc/x/../passwd", "/etc/passwd"), ("/../etc/passwd", "/etc/passwd"),
            ("/etc/passwd/", "/etc/passwd"),
            ("../../../etc/passwd", "/etc/passwd"), ("..\\..\\etc\\passwd", "/etc/passwd"),
            ("....//....//etc/passwd", "/etc/passwd"), ("a/../../etc/passwd", "/etc/passwd"),
            ("file:///etc/passwd", "/etc/passwd"), ("file:/etc/passwd", "/etc/passwd"),
            ("file:etc/passwd", "/etc/passwd"),
            ("@/etc/passwd", "/etc/passwd"), ("/ETC/Passwd", "/etc/passwd"),
            ("etc/passwd", "/etc/passwd"),
            ("%2fetc%2fpasswd", "/etc/passwd"), ("..%2f..%2fetc%2fpasswd", "/etc/passwd"),
            ("/%2e%2e/etc/passwd", "/etc/passwd"),
            // What a reader of URIs leaves of them is the path.
            ("file:///srv/app/.env?x", ".env"), ("/srv/app/.env#x", ".env"), (".env;v=1", ".env"),
            (".env?", ".env"), (".env%3fx", ".env"), (".env%253fx", ".env"), (".env%23x", ".env"),
            (".env%3bx", ".env"), (".env\u{ff1f}x", ".env"), (".env\u{ff03}x", ".env"),
            (".env\u{37e}x", ".env"), (".env\u{fe56}x", ".env"), (".env?a/b", ".env"),
            ("/etc/passwd?a", "/etc/passwd"), ("/etc/passwd;a", "/etc/passwd"),
            ("/etc;a/passwd#b", "/etc/passwd"), ("/etc/passwd%3Fa", "/etc/passwd"),
            ("https://host/open?a=1&.env&b", ".env"), ("open?file=a,.env", ".env"),
            ("jar:file:/srv/.env!/x", ".env"), ("/home/u/.ssh#/id", ".ssh/"),
            ("/repo/.git/config?raw", ".git/config"),
        ]
    )
    func refuses(_ value: String, _ pattern: String) throws {
        #expect(try match(value) == pattern)
    }

    @Test(
        "lets other texts through",
        arguments: [
            "", ".", "..", "/", "env", "a.env", ".env2", ".environment", ".env.example", "..env",
            "my.env/x",
            ".sshx", "ssh/id", ".git", ".git/configs", ".gitconfig", ".git/hooks", "git/config",
            "/etc/passwd2", "/etc", "/data/etc/passwd", "rootfs/etc/passwd", "/etc/passwords/x",
            "please read the .env file", "line one\n/etc/passwd", "/srv/x/../y", "100%", "%zz",
            "\u{e9}",
            "https://example.com/a/b?c=d", "user@example.com", "{\"path\":\"a/b\"}",
            "https://example.com/env?a#b;c", "did you commit .env? no; see .env, please!",
            "a, .env",
            "key=value;other=1,2&x#y!", ".env.example?x", "what?/etc/hosts", ".environment#1",
        ]
    )
    func letsThrough(_ value: String) throws {
        #expect(try match(value) == nil)
    }

    @Test func `looks at every string of the call, keys too`() throws {
        for json in [
            #"{"a":{"b":["x",".env"]}}"#, #"{"files":{"/etc/passwd":"x"}}"#, #"[".ssh/id"]"#,
            #"".env""#,
            #"{"a":"\"","b":".env"}"#, #"{"a":"\\","b":".env"}"#,
        ] {
            #expect(try standard.firstMatch(in: call(json).bytes) != nil, "\(json)")
        }
        #expect(try standard.firstMatch(in: call(#"{"a":"\".env\"","b":7,"c":null}"#).bytes) == nil)
    }

    @Test func `a text of 4096 bytes is read as a path, one of 4097 is not`() throws {
        let tail = "/.env"
        let text = String(repeating: "a", count: 4096 - tail.utf8.count) + tail
        #expect(try match(text) == ".env")
        #expect(try match("a" + text) == nil)
    }

    @Test(
        "a path is found however much stands in front of it that says nothing",
        arguments: [
            "/" + String(repeating: "a/", count: 150) + String(repeating: "../", count: 150)
                + "etc/passwd",
            "/etc/" + String(repeating: "./", count: 3000) + "passwd",
            "/etc" + String(repeating: "/", count: 5000) + "passwd",
            "/etc/" + String(repeating: "x/../", count: 2000) + "passwd",
            "/etc/" + String(repeating: "%2e/", count: 2000) + "passwd",
            "/etc/" + String(repeating: ". /", count: 2000) + "passwd",
            "/etc/" + String(repeating: "\u{200b}/", count: 2000) + "passwd",
            String(repeating: "../", count: 2000) + "etc/passwd",
            "file:///etc/" + String(repeating: "./", count: 3000) + "passwd",
            "/etc/passwd\0" + String(repeating: "a", count: 5000),
            String(repeating: " ", count: 5000) + "/etc/passwd",
            "\u{2025}/\u{2025}/etc/passwd", "\u{fe52}\u{fe52}/etc/passwd",
        ]
    )
    func findsDeep(_ value: String) throws {
        #expect(try match(value) == "/etc/passwd")
    }

    @Test func `a long line that is no path is let through, whatever it holds`() throws {
        let words = String(repeating: "see /etc/hosts or a=b:c, ", count: 2000)
        #expect(try match(words) == nil)
    }

    @Test func `a path of many components costs little, with any pattern`() throws {
        let denied = DenyPaths(try ["a/**/b", "/a/**/b", "**/*x*/**/c"].map { try DenyPath($0) })
        let line = String(repeating: "a=", count: 2000)
        let form = try CallForm(
            node(
                "{\"x\":["
                    + repeatElement("\"" + line + "\"", count: 60).joined(separator: ",") + "]}"
            )
        )
        let clock = ContinuousClock()
        let start = clock.now
        #expect(denied.firstMatch(in: form.bytes) == nil)
        // Quadratic work would take a minute in a debug build.
        #expect(clock.now - start < .seconds(10))
    }

    @Test(
        "knows the syntax of gitignore",
        arguments: [
            ("*.pem", "/a/b/server.pem", true), ("*.pem", "server.PEM", true),
            ("*.pem", "server.pem.txt", false),
            ("secrets/**", "x/secrets/a", true), ("secrets/", "x/secrets", true),
            ("/srv/*/key", "/srv/a/key", true),
            ("/srv/*/key", "/srv/a/b/key", false), ("/srv/**/key", "/srv/a/b/key/x", true),
            ("/srv/**/key", "/x/srv/a/key", false), ("**/id_rsa", "a/id_rsa", true),
            ("id_?sa", "id_dsa", true),
            ("a/b", "x/a/b/y", true), ("a/b", "a/x/b", false), ("\u{e9}", "/x/\u{e9}", true),
        ]
    )
    func syntax(_ pattern: String, _ value: String, _ isDenied: Bool) throws {
        let denied = DenyPaths([try DenyPath(pattern)])
        #expect(try (match(value, denied) != nil) == isDenied)
    }

    @Test func `a relative path counts from the root of the server`() throws {
        let patterns = [try DenyPath("/etc/passwd"), try DenyPath("/data/keys")]
        let etc = DenyPaths(patterns, root: try #require(ServerRoot("/etc")))
        #expect(try match("passwd", etc) == "/etc/passwd")
        #expect(try match("x/passwd", etc) == nil)
        #expect(try match("keys", etc) == nil)
        let data = DenyPaths(patterns, root: try #require(ServerRoot("/data")))
        #expect(try match("./keys/a", data) == "/data/keys")
        #expect(try match("passwd", data) == nil)
    }

    @Test func `the standard list holds whatever is configured`() throws {
        let verdict = try judge(
            #"{"tools":{"files.read":{"tier":"T0"}},"deny_paths":["*.pem"]}"#,
            "files.read",
            #"{"path":"/home/u/.ssh/id"}"#
        )
        guard case .refuse(let refusal) = verdict.outcome else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.code == .deniedPath)
        #expect(!refusal.agentText.contains("/home"))
        #expect(
            try judge(#"{"tools":{"files.read":{"tier":"T0"}}}"#, "files.read", #"{"path":"a"}"#)
                .outcome == .allow
        )
    }

    /// Every string of both lists, whatever bytes it has, is read without harm and in little time.
    @Test(
        "traversal lists: most ways to /etc/passwd are seen",
        .enabled(if: Corpus.has("path-traversal"), "corpus path-traversal is not here")
    )
    func traversals() throws {
        let folder = try #require(Corpus.folder("path-traversal"))
        var total = 0
        var seen = 0
        var missed: [String] = []
        for name in Corpus.names(in: folder) where name.hasSuffix(".txt") {
            let bytes = try #require(Corpus.bytes(folder + "/" + name))
            for line in bytes.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) {
                let text = String(decoding: line, as: UTF8.self)
                    .replacing("{FILE}", with: "etc/passwd")
                let match = try match(text)
                guard text.lowercased().hasSuffix("passwd") else { continue }
                total += 1
                if match != nil { seen += 1 } else { missed.append(text) }
            }
        }
        print("path-traversal: \(seen) of \(total) texts that end in passwd are refused")
        // What is missed needs an exotic decoder (`0x2e0x2e`, bare `%%32%65`), or leads elsewhere.
        #expect(seen * 100 >= total * 85, "missed: \(missed.prefix(170))")
    }

    @Test(
        "naughty strings that are no denied path pass",
        .enabled(if: Corpus.has("naughty-strings"), "corpus naughty-strings is not here")
    )
    func naughty() throws {
        let folder = try #require(Corpus.folder("naughty-strings"))
        let bytes = try #require(Corpus.bytes(folder + "/blns.json"))
        var refused: [String] = []
        for node in try JSONDocument(parsing: bytes).root.elements {
            guard let text = node.string else { continue }
            if try match(text) != nil { refused.append(text) }
        }
        #expect(refused.allSatisfy { $0.contains("etc") && $0.contains("passwd") }, "\(refused)")
    }

    /// The quick look never lets pass what the careful reading would refuse.
    @Test("scanning and careful reading agree", arguments: 0..<20)
    func agrees(seed: UInt64) throws {
        var random = Seeded(seed)
        let patterns = try ["*.pem", "x", "/srv/**/key", "a?/b"].map { try DenyPath($0) }
        let denied = DenyPaths(
            DenyPath.standard + (seed % 2 == 0 ? [] : Array(patterns.dropFirst()))
        )
        let pieces = [
            ".", "..", "/", "\\", ".env", ".EnV", ".ssh", "etc", "passwd", "srv", "key", "%2e",
            "%2f", "=", ":",
            "?", "#", ";", "&", ",", "!", "%3f", "\u{37e}", "@", " ", "x", "a1", "b", "\u{200b}",
            "\"", "\n", "\t", "é", ".git", "config", "k.pem",
        ]
        for _ in 0..<1000 {
            let text = (0..<Int.random(in: 1...8, using: &random))
                .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            #expect(
                try match(text, denied) == denied.match(Array(text.utf8))?.text,
                "seed \(seed): \(text.debugDescription)"
            )
        }
    }
}
