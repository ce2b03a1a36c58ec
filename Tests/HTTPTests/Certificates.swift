import Base
import Crypto
import Glibc
import System
import TestKit
import Testing

/// Certificates of two days, made by the `openssl` program when the first test needs them, and
/// taken away when the tests end.
enum Certificates {
    static let openssl = "/usr/bin/openssl"
    static var canBeMade: Bool { unsafe access(openssl, X_OK) == 0 }

    private static let made = TemporaryFolder("tls")

    /// Two authorities that know nothing of each other, and what the first has signed.
    static let folder = Task<String, any Error> {
        let path = made.path
        try await onLoop { loop in
            for name in ["ca", "other"] {
                try await make(["-keyout", "\(name).key", "-out", "\(name).pem"], name, path, loop)
            }
            for (name, subject) in [
                ("good", "DNS:upstream.test,IP:127.0.0.1"), ("foreign", "DNS:elsewhere.test"),
                ("agent", "URI:spiffe://acme/agent,email:bot@acme.test"),
            ] {
                try await make(
                    [
                        "-keyout", "\(name).key", "-out", "\(name).pem", "-CA", "ca.pem",
                        "-CAkey", "ca.key", "-addext", "subjectAltName=\(subject)",
                    ],
                    name,
                    path,
                    loop
                )
            }
            try await expire(path, loop)
        }
        return path
    }

    /// As a server shows it.
    static func identity(_ name: String, key: String? = nil) async throws -> TLSIdentity {
        let folder = try await folder.value
        return TLSIdentity(
            name: name,
            chain: try Files.read("\(folder)/\(name).pem", limit: 1 << 20),
            key: SecretBytes(try Files.read("\(folder)/\(key ?? name).key", limit: 1 << 20))
        )
    }

    private static let key = [
        "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
    ]

    private static func make(
        _ arguments: [String],
        _ name: String,
        _ folder: String,
        _ loop: EventLoop
    ) async throws {
        let words = ["req", "-x509"] + key + ["-days", "2", "-subj", "/CN=\(name)"]
        try await run(words + arguments, folder, loop)
    }

    /// One whose last day was yesterday.
    private static func expire(_ folder: String, _ loop: EventLoop) async throws {
        try await run(
            ["req"] + key + [
                "-subj", "/CN=expired", "-keyout", "expired.key", "-out", "expired.csr",
                "-addext", "subjectAltName=DNS:upstream.test",
            ],
            folder,
            loop
        )
        try await run(
            [
                "x509", "-req", "-in", "expired.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-set_serial", "7", "-days", "-1", "-copy_extensions", "copy",
                "-out", "expired.pem",
            ],
            folder,
            loop
        )
    }

    private static func run(
        _ arguments: [String],
        _ folder: String,
        _ loop: EventLoop
    ) async throws {
        var request = SpawnRequest(executable: openssl, arguments: arguments)
        request.workingDirectory = folder
        let child = try ChildProcess.spawn(request, on: loop)
        let end = try await child.exit(until: loop.now.advanced(by: .seconds(30)))
        child.closeStreams()
        try #require(end.isSuccess, "openssl: \(end)")
    }
}
