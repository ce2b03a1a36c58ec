import Base
import Gateway
import JSON
import Policy
import Testing

@Suite struct LockFileTests {
    private static let digest = String(repeating: "0a", count: 32)

    private static let text = """
        # What was accepted of each server: a changed tool is hidden until a person looks.
        # Written by `gatehouse tools approve`; review it like code.
        gatehouse-lock: 1
        tenants:
          acme:
            pins: {}
            tools:
              "a.b": {"tier":"T2"}
          main:
            pins:
              files:
                instructions: sha256:\(digest)
                tools:
                  "read_file": sha256:\(digest)
                  "write.file": sha256:\(digest)
              other:
                tools: {}
            tools:
              "files.read_file": {"tier":"T0"}
              "files.write.file": {"scope":{"/path":{"glob":"/data/**"}},"tier":"T1"}

        """

    private func lock(_ text: String) throws -> LockFile {
        try LockFile(source(text, file: "gatehouse.lock"))
    }

    @Test func `a lock read and written is the same text`() throws {
        let read = try lock(Self.text)
        #expect(read.text == Self.text)
        #expect(try lock("gatehouse-lock: 1\ntenants: {}\n").text.hasSuffix("\ntenants: {}\n"))
        #expect(try lock(LockFile.empty.text) == .empty)
    }

    @Test func `pins are a server's and a tenant's own`() throws {
        let read = try lock(Self.text)
        let files = try ServerName("files")
        #expect(read.pins(of: files, .main).tools.count == 2)
        #expect(read.pins(of: files, .main).instructions?.description == Self.digest)
        #expect(read.pins(of: files, try TenantID("acme")).tools.isEmpty)
        #expect(read.pins(of: try ServerName("unheard-of"), .main).tools.isEmpty)
    }

    /// A value with a character that YAML does not allow once made a lock nobody could read again.
    @Test(
        "statements of any text survive",
        arguments: [
            "\u{7f}", "\u{80}", "\u{feff}", "\u{2028}", "\u{85}", "é", "😀", "\\\"", "\t",
            "\u{fffe}",
        ]
    )
    func characters(text: String) throws {
        var read = try lock(Self.text)
        let statement = try lock(
            "{\"gatehouse-lock\":1,\"tenants\":{\"main\":{\"tools\":{\"a.b\":"
                + "{\"tier\":\"T1\",\"scope\":{\"/x\":{\"equals\":"
                + String(decoding: JSONValue(text).serialised(), as: UTF8.self) + "}}}}}}}"
        )
        read.tenants[.main]?.tools = try #require(statement.tenants[.main]?.tools)
        #expect(try lock(read.text).text == read.text)
    }

    @Test(
        "what is no lock is refused with its place",
        arguments: [
            Refusal("gatehouse: 1\n", 1, 12, "unknown key"),
            Refusal("tenants: {}\n", 1, 1, "`gatehouse-lock` is missing"),
            Refusal("gatehouse-lock: 2\n", 1, 17, "from 1 to 1"),
            Refusal("gatehouse-lock: 1\ntenants: { A: {} }\n", 2, 15, ""),
            Refusal("gatehouse-lock: 1\ntenants: { main: { keys: {} } }\n", 2, 26, "`keys`"),
            Refusal("gatehouse-lock: 1\ntenants: { main: { pins: { A: {} } } }\n", 2, 31, ""),
            Refusal(
                "gatehouse-lock: 1\ntenants: { main: { pins: { a: { tools: { 'b c': x } } } } }\n",
                2,
                49,
                ""
            ),
            Refusal(
                "gatehouse-lock: 1\ntenants: { main: { pins: { a: { tools: { b: sha256:00 } } } } }\n",
                2,
                45,
                "64 hexadecimal digits"
            ),
            Refusal(
                "gatehouse-lock: 1\ntenants: { main: { pins: { a: { instructions: md5 } } } }\n",
                2,
                47,
                "64 hexadecimal digits"
            ),
            Refusal(
                "gatehouse-lock: 1\ntenants: { main: { tools: { ab: { tier: T0 } } } }\n",
                2,
                33,
                "names no tool"
            ),
            Refusal(
                "gatehouse-lock: 1\ntenants: { main: { tools: { a.b: { tier: T7 } } } }\n",
                2,
                42,
                "T7"
            ),
        ]
    )
    func refused(refusal: Refusal) { refusal.expect { _ = try lock($0) } }
}
