import Base
import Gateway
import Policy
import Testing

/// A client's `mcpServers` file, taken as it is with every default closed.
@Suite struct ClientFileTests {
    @Test func `a server keeps its command, its environment becomes secrets`() throws {
        let read = try configuration(
            """
            { "mcpServers": { "My Server!": {
                "command": "npx", "args": ["-y", "x"], "env": { "TOKEN": "t0ps3cret" }, "cwd": "/a",
                "disabled": false, "type": "stdio" } } }
            """
        )
        let server = try #require(read.servers[ServerName("my-server")])
        guard case .stdio(let stdio) = server.kind else { return #expect(Bool(false)) }
        #expect(stdio.command == ["npx", "-y", "x"] && stdio.workingFolder == "/a")
        #expect(stdio.cage == .closed)
        #expect(stdio.environment == ["TOKEN": .exposed("my-server-TOKEN")])
        #expect(read.secrets == ["my-server-TOKEN": .literal("t0ps3cret")])
        #expect(read.environment.rawValue == "local" && !read.listen.isOpen)
        #expect(read.warnings.contains { $0.text.contains("can leak it") })
    }

    @Test func `a bearer header becomes the credential of a remote server`() throws {
        let read = try configuration(
            """
            {"mcpServers":{"r":{"url":"https://a/","headers":{"authorization":"Bearer abc"}},
                           "s":{"url":"https://b/"}}}
            """
        )
        guard case .http(let far)? = try read.servers[ServerName("r")]?.kind,
            case .http(let bare)? = try read.servers[ServerName("s")]?.kind
        else { return #expect(Bool(false)) }
        #expect(far.credential == "r-authorization" && bare.credential == nil)
        #expect(read.secrets == ["r-authorization": .literal("abc")])
    }

    @Test func `a tool of such a server is nobody's until a person places it`() throws {
        let set = try policySet(#"{"mcpServers":{"a":{"command":"x"}}}"#)
        let tool = try #require(ToolReference("a.b"))
        #expect(set.policy.policy(for: tool, tenant: .main)?.tier == .destructive)
    }

    @Test(
        "what cannot be taken over is refused with its place",
        arguments: [
            Refusal(#"{"mcpServers":[]}"#, 1, 15, "must be a mapping"),
            Refusal(#"{"mcpServers":{"a":{}}}"#, 1, 20, "neither `command` nor `url`"),
            Refusal(#"{"mcpServers":{"a":{"command":["x"]}}}"#, 1, 31, "must be a string"),
            Refusal(#"{"mcpServers":{"!":{"command":"x"}}}"#, 1, 20, ""),
            Refusal(
                #"{"mcpServers":{"A":{"command":"x"},"a":{"command":"x"}}}"#,
                1,
                40,
                "two servers"
            ),
            Refusal(
                #"{"mcpServers":{"a":{"url":"https://a/","headers":{"X-Key":"1"}}}}"#,
                1,
                59,
                "cannot be taken over"
            ),
            Refusal(
                #"{"mcpServers":{"a":{"url":"https://a/","headers":{"Authorization":"Basic x"}}}}"#,
                1,
                67,
                "cannot be taken over"
            ),
            Refusal(
                #"{"mcpServers":{"a":{"command":"x","env":{"LD_PRELOAD":"y"}}}}"#,
                1,
                55,
                "changes what the server runs"
            ),
            Refusal(
                #"{"mcpServers":{"a":{"command":"x","args":["${workspaceFolder}"]}}}"#,
                1,
                43,
                "interpolated"
            ),
        ]
    )
    func refused(refusal: Refusal) { refusal.expect { _ = try configuration($0) } }
}
