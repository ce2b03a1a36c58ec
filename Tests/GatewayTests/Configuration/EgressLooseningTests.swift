import Base
import Testing

@testable import Gateway

/// Whatever says where a server may connect to, and with which secret, waits for a person when it
/// changes.
@Suite struct EgressLooseningTests {
    private static let before = """
        gatehouse: 1
        environment: staging
        secrets: { token: { file: ./token } }
        servers:
          forge:
            command: [/bin/true]
            secrets:
              - { secret: token, host: a.example.com, in: query, name: key, methods: [GET], ca: ./a.pem }
            cage:
              network:
                allow:
                  - { host: a.example.com, addresses: [10.1.0.0/16], methods: [GET], paths: [/v1/*], ca: ./a.pem }
                budget: { per_minute: 10 }
          far: { url: "https://far.example.com/mcp", addresses: [10.1.0.0/16], ca: ./a.pem }

        """

    private func set(_ text: String) throws -> PolicySet {
        try ConfigurationFiles.set(
            of: ConfigurationSignature.Files(configuration: Array(text.utf8), lock: nil),
            at: "gatehouse.yaml",
            hashing: hashing
        )
    }

    @Test(
        "a change of it is a loosening",
        arguments: [
            ("/16], methods: [GET], paths", "/16], methods: [GET, POST], paths", "forge"),
            ("/16], methods: [GET], paths", "/16], paths", "forge"),
            ("paths: [/v1/*]", "paths: [/v1/**]", "forge"),
            ("paths: [/v1/*]", "paths: [/v1/*, /v2]", "forge"),
            (", paths: [/v1/*]", "", "forge"),
            (
                "methods: [GET], paths: [/v1/*], ca: ./a.pem }", "methods: [GET], paths: [/v1/*] }",
                "forge"
            ),
            ("paths: [/v1/*], ca: ./a.pem", "paths: [/v1/*], ca: ./b.pem", "forge"),
            (
                "host: a.example.com, addresses: [10.1.0.0/16]",
                "host: a.example.com, addresses: [10.0.0.0/8]", "forge"
            ),
            ("host: a.example.com, addresses: [10.1.0.0/16]", "host: a.example.com", "forge"),
            ("in: query, name: key", "in: body, name: key", "forge"),
            ("in: query, name: key", "in: query, name: other", "forge"),
            ("in: query, name: key", "in: body, name: /key", "forge"),
            ("in: query, name: key, ", "", "forge"),
            ("name: key, methods: [GET]", "name: key, methods: [GET, PUT]", "forge"),
            ("name: key, methods: [GET]", "name: key", "forge"),
            ("methods: [GET], ca: ./a.pem", "methods: [GET]", "forge"),
            ("per_minute: 10", "per_minute: 11", "forge"),
            ("mcp\", addresses: [10.1.0.0/16]", "mcp\", addresses: [10.0.0.0/8]", "far"),
            ("mcp\", addresses: [10.1.0.0/16]", "mcp\"", "far"),
            (", ca: ./a.pem }\n", " }\n", "far"),
        ]
    )
    func loosening(old: String, new: String, server: String) throws {
        let accepted = try set(Self.before)
        // The remote server stands last.
        let places = Self.before.ranges(of: old)
        let place = try #require(server == "far" ? places.last : places.first)
        var text = Self.before
        text.replaceSubrange(place, with: new)
        let lines = try set(text).loosens(accepted)
        #expect(lines == ["server `\(server)` is new or changed"])
        #expect(try set(Self.before).loosens(accepted).isEmpty)
    }
}
