import Base
import JSON
import Policy
import Sandbox
import Testing

@testable import Gateway

/// Where a text is refused and with which words.
struct Refusal: Sendable, CustomTestStringConvertible {
    let text: String
    let line: Int
    let column: Int
    let words: String

    init(_ text: String, _ line: Int, _ column: Int, _ words: String) {
        (self.text, self.line, self.column, self.words) = (text, line, column, words)
    }

    var testDescription: String { text }

    func expect(_ body: (String) throws -> Void) {
        let error = #expect(throws: ConfigurationError.self, "\(text)") { try body(text) }
        guard let error else { return }
        #expect(error.position == Position(line: line, column: column), "\(error)")
        #expect(error.problem.contains(words), "\(error)")
    }
}

/// A server `a` with one more line.
private func server(_ line: String) -> String {
    "gatehouse: 1\nservers:\n  a:\n    command: [x]\n    \(line)\n"
}

@Suite struct ConfigurationTests {
    // MARK: what is taken

    @Test func `what is not written is closed`() throws {
        let read = try configuration("gatehouse: 1\nservers: { a: { command: [x] } }\n")
        #expect(read.environment.rawValue == "local")
        #expect(read.listen.mcp == "127.0.0.1:8930")
        #expect(!read.listen.isOpen && read.listen.hosts == [] && read.listen.origins == [])
        #expect(read.approvals.hold == .seconds(50) && read.approvals.expiry == .seconds(600))
        #expect(!read.approvals.allowsSelf)
        #expect(read.audit.resultByteCount == 2048 && read.audit.checkpointFiles == [])
        #expect(read.audit.retention == nil)
        #expect(read.warnings == [])
        let server = try #require(read.servers[ServerName("a")])
        guard case .stdio(let stdio) = server.kind else { return #expect(Bool(false)) }
        #expect(stdio.cage == .closed && stdio.environment == [:])
        #expect(server.callTimeout == .seconds(60) && server.idleTimeout == nil)
    }

    @Test func `every key is read`() throws {
        let read = try configuration(
            """
            gatehouse: 1
            environment: staging
            listen:
              mcp: none
              open: true
              hosts: [gate.example]
              origins: ["https://a.example"]
              tls: { terminated_by: [10.0.0.1] }
            secrets: { token: { file: ./token }, key: { env: KEY } }
            servers:
              files:
                command: [filesystem-mcp, /data]
                env: { A: b, B: { secret: key, expose: true } }
                folder: /srv
                root: /data
                idle_timeout: 10min
                call_timeout: 500ms
                start_timeout: 5s
                revision: 2025-11-25
                cage:
                  read: { /data: ./docs }
                  write: { /out: ./out }
                  network: host
                  tmp: 128
                  minimum: []
              far: { url: "https://a.example/mcp", credential: token, ca: ./ca.pem }
            approvals: { hold: 20s, expiry: 1h, self_approval: true }
            audit:
              checkpoints: [./cp, /far/cp]
              result_bytes: 0
              bytes_per_day: 1048576
              retention: { age: 400d, bytes: 1048576, bytes_after: 2h }
            tenants: { acme: { servers: { a: { command: [y], cage: none } } } }
            """
        )
        #expect(read.listen.mcp == nil && read.listen.isOpen)
        #expect(read.listen.terminatedBy == ["10.0.0.1"])
        #expect(read.secrets == ["token": .file("./token"), "key": .environment("KEY")])
        let files = try #require(read.servers[ServerName("files")])
        guard case .stdio(let stdio) = files.kind else { return #expect(Bool(false)) }
        #expect(stdio.environment == ["A": .plain("b"), "B": .exposed("key")])
        #expect(stdio.cage.read == [.init(inside: "/data", outside: "./docs")])
        #expect(stdio.cage.write == [.init(inside: "/out", outside: "./out")])
        #expect(stdio.cage.network == .host && stdio.cage.limits.temporaryByteCount == 128 << 20)
        #expect(stdio.cage.minimum == [] && stdio.workingFolder == "/srv")
        #expect(files.root == "/data" && files.revision == "2025-11-25")
        #expect(files.callTimeout == .milliseconds(500) && files.idleTimeout == .seconds(600))
        guard case .http(let far)? = try read.servers[ServerName("far")]?.kind else {
            return #expect(Bool(false))
        }
        #expect(far.credential == "token" && far.certificateAuthority == "./ca.pem")
        #expect(read.approvals.allowsSelf && read.approvals.hold == .seconds(20))
        #expect(read.audit.checkpointFiles == ["./cp", "/far/cp"])
        #expect(read.audit.dailyByteCount == 1 << 20 && read.audit.resultByteCount == 0)
        #expect(
            read.audit.retention
                == .init(
                    age: .seconds(400 * 86_400),
                    byteCount: 1 << 20,
                    byteAge: .seconds(7200)
                )
        )
        let acme = try TenantID("acme")
        #expect(read.tenants[acme]?.servers.count == 1)
        #expect(read.allServers.map(\.tenant) == [.main, .main, acme])
        #expect(read.warnings.count == 5, "\(read.warnings)")
    }

    @Test(
        "each limit at its value is taken",
        arguments: [
            "call_timeout: 100ms", "call_timeout: 600s", "start_timeout: 1s", "start_timeout: 5min",
            "idle_timeout: 1s", "idle_timeout: 1d", "cage: { tmp: 1 }", "cage: { tmp: 16384 }",
            "cage: { memory: 16 }", "cage: { memory: 1048576 }", "cage: { cpu: 0.01 }",
            "cage: { cpu: 1024 }", "cage: { processes: 2 }", "cage: { processes: 4096 }",
            "cage: { files: 16 }", "cage: { files: 65536 }", "cage: { file_size: 1 }",
            "cage: { file_size: 1048576 }", "cage: { seccomp: standard }",
            "cage: { seccomp: strict }",
        ]
    )
    func limits(line: String) throws { _ = try configuration(server(line)) }

    @Test func `JSON is the same configuration as YAML`() throws {
        let yaml = try policySet(
            "gatehouse: 1\nservers: {a: {command: [x]}}\ntools: {a.b: {tier: T0}}"
        )
        let json = try policySet(
            #"{"gatehouse":1,"servers":{"a":{"command":["x"]}},"tools":{"a.b":{"tier":"T0"}}}"#
        )
        #expect(yaml.configuration.servers == json.configuration.servers)
        let tool = try #require(ToolReference("a.b"))
        #expect(
            yaml.policy.policy(for: tool, tenant: .main)?.digest
                == json.policy.policy(for: tool, tenant: .main)?.digest
        )
    }

    // MARK: what is refused, and where

    @Test(
        "a text with two meanings is refused where it stands",
        arguments: [
            Refusal("gatehouse: &a 1\n", 1, 12, "anchors"),
            Refusal("gatehouse: 1\nx: *a\n", 2, 4, "anchors"),
            Refusal("gatehouse: !!int 1\n", 1, 12, "tags"),
            Refusal("gatehouse: 1\n<<: {a: b}\n", 2, 1, "merge keys"),
            Refusal("gatehouse: 1\n---\ngatehouse: 1\n", 2, 1, "one document"),
            Refusal("gatehouse: 1\ngatehouse: 1\n", 2, 1, "given twice"),
            Refusal("gatehouse: yes\n", 1, 12, "different things"),
            Refusal("gatehouse: 0o17\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 1_000\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 1:30\n", 1, 12, "read as a number"),
            Refusal("gatehouse: .inf\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 0x1F\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 0b101\n", 1, 12, "read as a number"),
            Refusal("gatehouse: +1.5\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 01\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 1.e5\n", 1, 12, "read as a number"),
            Refusal("gatehouse: 1\nenvironment: ${HOME}\n", 2, 14, "interpolated"),
            Refusal("gatehouse: 1\nenvironment: \"a${HOME}\"\n", 2, 14, "interpolated"),
            Refusal("gatehouse: 1\n? [a]\n: b\n", 2, 3, "plain string"),
            Refusal("gatehouse: 1\na: [\n", 3, 1, ""),
            Refusal("gatehouse: 1\n\tb: 1\n", 2, 1, ""),
            Refusal("{\"gatehouse\": 1,\n \"gatehouse\": 1}", 2, 2, "twice"),
            Refusal("{\"gatehouse\": 1,\n \"environment\": \"${X}\"}", 2, 17, "interpolated"),
            Refusal("{\"gatehouse\": 01}", 1, 15, ""),
        ]
    )
    func ambiguous(refusal: Refusal) { refusal.expect { _ = try configuration($0) } }

    @Test(
        "an unknown key is refused with its place",
        arguments: [
            Refusal("gatehouse: 1\nserver: {}\n", 2, 9, "`server`"),
            Refusal("gatehouse: 1\nlisten: { port: 1 }\n", 2, 17, "`port`"),
            Refusal("gatehouse: 1\nlisten: { tls: { cert: a } }\n", 2, 24, "`cert`"),
            Refusal("gatehouse: 1\nsecrets: { a: { value: b } }\n", 2, 24, "`value`"),
            Refusal("gatehouse: 1\napprovals: { wait: 1s }\n", 2, 20, "`wait`"),
            Refusal("gatehouse: 1\naudit: { file: a }\n", 2, 16, "`file`"),
            Refusal("gatehouse: 1\ntenants: { a: { secrets: {} } }\n", 2, 26, "`secrets`"),
            Refusal(server("url_: x"), 5, 11, "`url_`"),
            Refusal(server("cage: { net: none }"), 5, 18, "`net`"),
            Refusal(server("env: { A: { file: x } }"), 5, 23, "`file`"),
            // What belongs to the other kind of server is unknown too.
            Refusal(server("credential: x"), 5, 17, "`credential`"),
            Refusal("gatehouse: 1\nservers: { a: { url: 'http://x', env: {} } }\n", 2, 39, "`env`"),
        ]
    )
    func unknown(refusal: Refusal) { refusal.expect { _ = try configuration($0) } }

    @Test(
        "a value out of range or of another kind is refused with its place",
        arguments: [
            Refusal("servers: {}\n", 1, 1, "`gatehouse` is missing"),
            Refusal("gatehouse: 2\n", 1, 12, "from 1 to 1"),
            Refusal("gatehouse: \"1\"\n", 1, 12, "integer"),
            Refusal("- 1\n", 1, 1, "must be a mapping"),
            Refusal("gatehouse: 1\nenvironment: A b\n", 2, 14, ""),
            Refusal("gatehouse: 1\nenvironment: [a]\n", 2, 14, "must be a string"),
            Refusal("gatehouse: 1\nlisten: { open: 1 }\n", 2, 17, "true or false"),
            Refusal("gatehouse: 1\nlisten: { hosts: a }\n", 2, 18, "must be a list"),
            Refusal("gatehouse: 1\nsecrets: { a: {} }\n", 2, 15, "exactly one source"),
            Refusal(
                "gatehouse: 1\nsecrets: { a: { env: A, file: b } }\n",
                2,
                15,
                "exactly one source"
            ),
            Refusal("gatehouse: 1\nservers: { A: { command: [x] } }\n", 2, 15, ""),
            Refusal("gatehouse: 1\nservers: { a: {} }\n", 2, 15, "neither `command` nor `url`"),
            Refusal("gatehouse: 1\nservers: { a: { command: [] } }\n", 2, 26, "at least one word"),
            Refusal("gatehouse: 1\nservers: { a: { command: [x, ''] } }\n", 2, 26, "none empty"),
            Refusal("gatehouse: 1\nservers: { a: { command: [\"x\\0\"] } }\n", 2, 27, "NUL"),
            Refusal(
                "gatehouse: 1\nservers: { a: { url: 'http://x', credential: y } }\n",
                2,
                46,
                "`y` is not defined"
            ),
            Refusal(server("env: { A: { secret: y } }"), 5, 15, "`y` is not defined"),
            Refusal(server("env: { 'A B': x }"), 5, 19, "no name of a variable"),
            Refusal(server("env: { LD_PRELOAD: x }"), 5, 24, "changes what the server runs"),
            Refusal(server("env: { PYTHONPATH: x }"), 5, 24, "changes what the server runs"),
            Refusal(server("root: data"), 5, 11, "absolute"),
            Refusal(server("revision: 2025-01-01"), 5, 15, "2025-01-01"),
            Refusal(server("call_timeout: 99ms"), 5, 19, "must be from"),
            Refusal(server("call_timeout: 601s"), 5, 19, "must be from"),
            Refusal(server("call_timeout: 10"), 5, 19, "must be a string"),
            Refusal(server("call_timeout: 10m"), 5, 19, "must be a time"),
            Refusal(server("call_timeout: '-1s'"), 5, 19, "must be a time"),
            Refusal(server("call_timeout: 99999999999999999999s"), 5, 19, "must be a time"),
            Refusal(server("start_timeout: 999ms"), 5, 20, "must be from"),
            Refusal(server("start_timeout: 301s"), 5, 20, "must be from"),
            Refusal(server("idle_timeout: 25h"), 5, 19, "must be from"),
            Refusal(server("cage: open"), 5, 11, "must be a mapping"),
            Refusal(server("cage: { tmp: 0 }"), 5, 18, "from 1 to 16384"),
            Refusal(server("cage: { tmp: 16385 }"), 5, 18, "from 1 to 16384"),
            Refusal(server("cage: { memory: 15 }"), 5, 21, "from 16 to 1048576"),
            Refusal(server("cage: { memory: 1048577 }"), 5, 21, "from 16 to 1048576"),
            Refusal(server("cage: { cpu: 0.009 }"), 5, 18, "from 0.01 to 1024"),
            Refusal(server("cage: { cpu: 1025 }"), 5, 18, "from 0.01 to 1024"),
            Refusal(server("cage: { cpu: two }"), 5, 18, "from 0.01 to 1024"),
            Refusal(server("cage: { processes: 1 }"), 5, 24, "from 2 to 4096"),
            Refusal(server("cage: { processes: 4097 }"), 5, 24, "from 2 to 4096"),
            Refusal(server("cage: { files: 15 }"), 5, 20, "from 16 to 65536"),
            Refusal(server("cage: { files: 65537 }"), 5, 20, "from 16 to 65536"),
            Refusal(server("cage: { file_size: 0 }"), 5, 24, "from 1 to 1048576"),
            Refusal(server("cage: { file_size: 1048577 }"), 5, 24, "from 1 to 1048576"),
            Refusal(server("cage: { seccomp: none }"), 5, 22, "seccomp"),
            Refusal(server("cage: { network: all }"), 5, 22, "`all`"),
            Refusal(server("cage: { minimum: [moat] }"), 5, 23, "unknown layer `moat`"),
            Refusal(server("cage: { read: { data: ./a } }"), 5, 27, "not a folder inside the cage"),
            Refusal(server("cage: { read: { /: ./a } }"), 5, 24, "not a folder inside the cage"),
            Refusal(
                server("cage: { read: { /a/../b: ./a } }"),
                5,
                30,
                "not a folder inside the cage"
            ),
            Refusal(
                "gatehouse: 1\napprovals: { hold: 2min, expiry: 1min }\n",
                2,
                20,
                "longer than"
            ),
            Refusal("gatehouse: 1\napprovals: { hold: 601s }\n", 2, 20, "must be from"),
            Refusal(
                "gatehouse: 1\naudit: { checkpoints: [a,b,c,d,e,f,g,h,i] }\n",
                2,
                23,
                "8 files"
            ),
            Refusal("gatehouse: 1\naudit: { result_bytes: 65537 }\n", 2, 24, "65536"),
            Refusal("gatehouse: 1\naudit: { bytes_per_day: 1048575 }\n", 2, 25, "1048576"),
            Refusal("gatehouse: 1\naudit: { retention: {} }\n", 2, 21, "neither"),
            Refusal("gatehouse: 1\naudit: { retention: { bytes_after: 1d } }\n", 2, 21, "neither"),
            Refusal("gatehouse: 1\naudit: { retention: { age: 23h } }\n", 2, 28, "86400"),
            Refusal("gatehouse: 1\naudit: { retention: { bytes: 1048575 } }\n", 2, 30, "1048576"),
            Refusal("gatehouse: 1\naudit: { retention: { days: 3 } }\n", 2, 29, "days"),
            Refusal("gatehouse: 1\ntenants: { main: {} }\n", 2, 18, "outside `tenants`"),
            Refusal("gatehouse: 1\ntenants: { A: {} }\n", 2, 15, ""),
        ]
    )
    func wrong(refusal: Refusal) { refusal.expect { _ = try configuration($0) } }

    @Test func `what a text says stays on one line of an error`() {
        let error = #expect(throws: ConfigurationError.self) {
            try configuration("gatehouse: 1\n\"\\e[31m\\n\u{202e}x\": 1\n")
        }
        #expect(error?.problem == "unknown key `\\u{1b}[31m\\u{a}\\u{202e}x`")
    }

    @Test func `a file over 1 MiB is not read`() throws {
        let comment = "gatehouse: 1\n#" + String(repeating: "x", count: (1 << 20) - 14)
        _ = try configuration(comment)
        #expect(throws: ConfigurationError.self) { try configuration(comment + "x") }
    }

    /// Each key copied the set of the keys before it once: 100,000 keys took minutes.
    @Test(.timeLimit(.minutes(5)))
    func `a mapping with many keys is read in linear time`() throws {
        let text = (0..<100_000).map { "k\($0):\n" }.joined()
        #expect(try source(text).document.root.count == 100_000)
    }

    @Test func `policy keys are checked with the rest`() {
        Refusal("gatehouse: 1\ntools: { b.c: { tier: T9 } }\n", 2, 23, "T9").expect {
            _ = try policySet($0)
        }
        Refusal("gatehouse: 1\nlimits:\n  - { per: agent, calls: many }\n", 3, 26, "many").expect {
            _ = try policySet($0)
        }
    }
}
