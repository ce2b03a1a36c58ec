import Base
import Glibc
import System
import TestKit
import Testing

/// A fresh folder of the test, removed afterwards.
func withFolder<Success>(_ body: (String) async throws -> Success) async throws -> Success {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try await body(folder.path)
}

func mode(_ path: String) -> mode_t {
    var facts = stat()
    guard unsafe lstat(path, &facts) == 0 else { return 0 }
    return facts.st_mode & 0o7777
}

@Suite(.timeLimit(.minutes(5)))
struct ListenerTests {
    @Test func `a unix listener is for its owner only and tells who connects`() async throws {
        try await withFolder { folder in
            let path = folder + "/socket"
            try await onLoop { loop in
                let door = Door(on: loop)
                let address = try await door.open(.unix(path: path))
                #expect(mode(path) == 0o600)
                let client = try await Peer.connected(to: address, on: loop)
                let server = try await door.next()
                let credentials = await server.credentials
                #expect(credentials?.processID == getpid())
                #expect(credentials?.userID == geteuid())
                await client.close()
                await server.close()
                await door.close()
            }
            #expect(unsafe access(path, F_OK) != 0)
        }
    }

    @Test func `a stale socket file is replaced, an answering one and any other file are not`()
        async throws
    {
        try await withFolder { folder in
            let path = folder + "/socket"
            try await onLoop { loop in
                let first = Door(on: loop)
                _ = try await first.open(.unix(path: path))
                let second = Door(on: loop)
                let error = await #expect(throws: SystemError.self) {
                    try await second.open(.unix(path: path))
                }
                #expect(error?.name == "EADDRINUSE")
                // What a killed process leaves behind: the file without the listener.
                unsafe rename(path, path + ".left")
                await first.close()
                unsafe rename(path + ".left", path)
                // A child that is being started elsewhere holds the socket until it executes.
                while let client = try? await Peer.connected(to: .unix(path: path), on: loop) {
                    await client.close()
                }
                _ = try await second.open(.unix(path: path))
                await second.close()

                let file = unsafe creat(path, 0o600)
                Glibc.close(file)
                let third = Door(on: loop)
                await #expect(throws: SystemError.self) {
                    try await third.open(.unix(path: path))
                }
                #expect(unsafe access(path, F_OK) == 0)
            }
        }
    }

    @Test func `connections beyond the cap wait until one ends`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let address = try await door.open(cap: 1)
            let first = try await Peer.connected(to: address, on: loop)
            let firstServer = try await door.next()
            let second = try await Peer.connected(to: address, on: loop)
            try await second.send([9])
            #expect(await door.counts.open == 1)
            await firstServer.close()
            let secondServer = try await door.next()
            #expect(try await secondServer.exactly(1) == [9])
            #expect(await door.counts.open == 1)
            #expect(await door.counts.pauses >= 1)
            await first.close()
            await second.close()
            await secondServer.close()
            await door.close()
        }
    }

    @Test func `a listener that exists is not joined`() async throws {
        try await onLoop { loop in
            let first = Door(on: loop)
            let address = try await first.open()
            let second = Door(on: loop)
            await #expect(throws: SystemError.self) { try await second.open(address) }
            await first.close()
        }
    }

    @Test func `an IPv6 listener serves IPv6`() async throws {
        try await onLoop { loop in
            let door = Door(on: loop)
            let address = try await door.open(.ip(.loopback6, port: 0), echoes: true)
            let client = try await Peer.connected(to: address, on: loop)
            try await client.send([1, 2])
            #expect(try await client.exactly(2) == [1, 2])
            await client.close()
            await door.close()
        }
    }
}

struct SocketAddressTests {
    @Test(
        "reads literals with a port",
        arguments: [
            ("127.0.0.1:8930", "127.0.0.1:8930"), ("[::1]:1", "[::1]:1"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[2001:DB8:0::1]:65535", "[2001:db8::1]:65535"),
        ]
    )
    func reads(spelling: String, printed: String) throws {
        #expect(try SocketAddress(parsing: spelling).description == printed)
    }

    @Test(
        "refuses names, short forms and wrong ports",
        arguments: [
            "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:01", "127.1:80", "0x7f.0.0.1:80", "0127.0.0.1:80", "localhost:80", "::1:80",
            "[127.0.0.1]:80", "[::1%lo]:80", "[]:80", "127.0.0.1\u{0}:80", "2130706433:80",
            "１２７.0.0.1:80", "127.0.0.1:８０",
        ]
    )
    func refuses(spelling: String) {
        let error = #expect(throws: InvalidAddress.self) {
            try SocketAddress(parsing: spelling)
        }
        #expect(error?.spelling == spelling)
    }
}
