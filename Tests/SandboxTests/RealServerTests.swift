import Base
import Glibc
import Sandbox
import TestKit
import Testing

/// A server from PyPI in a virtual environment, as a person would host it.
private enum RealServer {
    /// `GATEHOUSE_TEST_VENV`, or the environments `scripts/setup` makes.
    static let environment: String? = {
        let candidates = [
            unsafe getenv("GATEHOUSE_TEST_VENV").map { unsafe String(cString: $0) },
            Corpus.packageRoot + "/.venv/sdk", Corpus.packageRoot + "/.venv/quickstart",
        ]
        return candidates.compactMap { $0 }
            .first { unsafe access($0 + "/bin/mcp-server-time", X_OK) == 0 }
    }()

    /// An ordinary user made by root may not be let into the folder.
    static let users = CageUser.possible.filter { user in
        user.stand == nil || environment.map { CageBench.isOpenToAll($0) } ?? false
    }

    static let initialize =
        #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","#
        + #""capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#

    static var input: [UInt8] { Array("\(initialize)\n".utf8) }
}

@Suite(
    .enabled(
        if: RealServer.environment != nil && CageBench.isPossible,
        "no environment with mcp-server-time (set GATEHOUSE_TEST_VENV), or no cage"
    ),
    .timeLimit(.minutes(5))
)
struct RealServerTests {
    @Test("mcp-server-time greets from its cage", arguments: RealServer.users)
    func time(user: CageUser) throws {
        let environment = try #require(RealServer.environment)
        var profile = CageProfile(
            command: ["bin/mcp-server-time"],
            baseFolder: environment
        )
        profile.environment = ["PYTHONDONTWRITEBYTECODE": "1"]
        let run = try user.run(profile, input: RealServer.input)
        let lines = String(decoding: run.output, as: UTF8.self).split(separator: "\n")
        let errors = String(decoding: run.errors, as: UTF8.self)
        #expect(run.reports.first == .started, "\(errors)")
        #expect(lines.contains { $0.contains("\"serverInfo\"") }, "\(lines) \(errors)")
        #expect(run.exit == .code(0))
    }
}
