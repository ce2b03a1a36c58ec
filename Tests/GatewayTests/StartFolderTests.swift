import Base
import Crypto
import Gateway
import JSON
import Policy
import Testing

@Suite struct StartFolderTests {
    private func set(_ server: String) throws -> PolicySet {
        let text = """
            gatehouse: 1
            servers: { files: \(server) }
            tools: { files.write: { tier: T1, scope: { /path: { glob: "/data/out/**" } } } }
            """
        return try PolicySet(
            Configuration(SourceText(file: "/srv/gate/gatehouse.yaml", bytes: Array(text.utf8))),
            lock: .empty,
            hashing: OpenSSLHashing()
        )
    }

    @Test(
        "a relative path is judged from the folder the server starts in",
        arguments: [
            ("{ command: [x], folder: /data, cage: { write: { /data: ./d } } }", "out/a", true),
            ("{ command: [x], folder: /data/in, cage: { write: { /data: ./d } } }", "out/a", false),
            ("{ command: [x] }", "../../data/out/a", false),
            ("{ command: [x], cage: none, folder: /data }", "out/a", true),
            ("{ command: [x], cage: none, folder: data }", "out/a", false),
            ("{ command: [x], root: /data }", "out/a", true),
            ("{ url: \"https://far.example/mcp\" }", "data/out/a", false),
            ("{ url: \"https://far.example/mcp\" }", "out/a", false),
        ]
    )
    func startFolder(_ server: String, _ path: String, _ isInside: Bool) throws {
        let tool = try #require(ToolReference("files.write"))
        let policy = try #require(try set(server).policy.policy(for: tool, tenant: .main))
        let arguments = try JSONDocument(parsing: Array("{\"path\":\"\(path)\"}".utf8))
        let verdict = policy.judge(try CallForm(arguments.root))
        #expect((verdict.outcome == .allow) == isInside)
    }
}
