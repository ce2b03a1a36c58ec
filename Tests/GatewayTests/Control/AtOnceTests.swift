import Audit
import Base
import Crypto
import Egress
import JSON
import TestKit
import Testing

@testable import Gateway
@testable import System

/// What several people ask for at once ends as if one had asked after the other, in memory and on the
/// disk.
///
/// Nothing here rests on who comes first: each test says what holds in either order.
@Suite(.timeLimit(.minutes(5))) struct AtOnceTests {
    private static let passphrase = "correct horse battery"

    /// A gateway over a state of its own, with `ana` as its first admin; it listens to nobody.
    private func withGateway(
        _ body: @escaping @Sendable (Gateway) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder("at-once")
        let state = StateFolder(path: folder.path + "/state")
        try state.prepare(user: Process.userID)
        let loop = try EventLoop()
        let pool = BlockingPool()
        let gateway = try Gateway.open(
            try policySet("gatehouse: 1\nservers: {}\n"),
            folder: folder.path,
            state: state,
            loop: loop,
            parts: Gateway.Parts(
                pool: pool,
                clock: ManualClock(),
                resolver: SystemResolver(pool: pool),
                random: SystemRandom(),
                user: Process.userID,
                version: "test",
                environment: { _ in nil },
                log: { _ in }
            )
        )
        let thread = try loop.start()
        let result = await loop.spawnThrowing {
            try await gateway.makeFirstApprover(
                PrincipalName(unchecked: "ana"),
                passphrase: Array(Self.passphrase.utf8)
            )
            try await body(gateway)
        }.result
        await loop.spawn { await gateway.shutDown() }.value
        loop.stop()
        thread.join()
        try result.get()
    }

    private struct Wish {
        let method: String
        let params: String
        let person: String

        init(_ method: String, _ params: String, by person: String = "ana") {
            (self.method, self.params, self.person) = (method, params, person)
        }
    }

    private static func carryOut(_ wish: Wish, at gateway: Gateway) async throws -> JSONNode {
        let request = try ControlRequest(
            try node("{\"method\":\"\(wish.method)\",\"params\":\(wish.params)}")
        )
        let person = PrincipalName(unchecked: wish.person)
        return try node(
            String(decoding: try await gateway.perform(request, as: person), as: UTF8.self)
        )
    }

    /// Which of them were done.
    private static func atOnce(_ wishes: [Wish], at gateway: Gateway) async -> [Bool] {
        let tasks = wishes.map { wish in
            gateway.loop.spawnThrowing { _ = try await carryOut(wish, at: gateway) }
        }
        var done: [Bool] = []
        for task in tasks { done.append((try? await task.value) != nil) }
        return done
    }

    private static func addAdmin(_ name: String) -> Wish {
        Wish(
            "approvers.add",
            "{\"name\":\"\(name)\",\"roles\":[\"admin\"],\"passphrase\":\"\(passphrase)\"}"
        )
    }

    private static func remove(_ name: String, by person: String) -> Wish {
        Wish("approvers.remove", "{\"name\":\"\(name)\"}", by: person)
    }

    /// Who decides, which must be the same on the disk.
    private static func people(_ gateway: Gateway) async throws -> [String] {
        let rows = try await gateway.store.allEntries(.approvers)
        let names = await gateway.approvers.names.map(\.rawValue)
        #expect(rows.map(\.key.name).sorted() == names)
        return names
    }

    /// The tokens that live, which must be the same on the disk.
    private static func tokens(_ gateway: Gateway) async throws -> [TokenRecord] {
        let kept = TokenBook(hashing: hashing, clock: ManualClock())
        try await kept.load(from: gateway.store)
        let live = await gateway.tokens.all
        #expect(kept.all == live)
        return live
    }

    @Test func `two admins who remove each other leave one`() async throws {
        try await withGateway { gateway in
            _ = try await Self.carryOut(Self.addAdmin("ben"), at: gateway)
            let done = await Self.atOnce(
                [Self.remove("ben", by: "ana"), Self.remove("ana", by: "ben")],
                at: gateway
            )
            #expect(done.count { $0 } == 1)
            #expect(try await Self.people(gateway).count == 1)
        }
    }

    @Test func `an admin who was removed meanwhile removes nobody`() async throws {
        try await withGateway { gateway in
            for name in ["ben", "carl"] {
                _ = try await Self.carryOut(Self.addAdmin(name), at: gateway)
            }
            // There is another admin: neither is refused for being the last.
            let done = await Self.atOnce(
                [Self.remove("ben", by: "ana"), Self.remove("ana", by: "ben")],
                at: gateway
            )
            #expect(done.count { $0 } == 1)
            #expect(try await Self.people(gateway).count == 2)
        }
    }

    @Test func `who is added while root begins anew is gone as well`() async throws {
        try await withGateway { gateway in
            let request = try ControlRequest(
                try node(
                    "{\"method\":\"approvers.reset\",\"params\":{\"name\":\"root\","
                        + "\"passphrase\":\"\(Self.passphrase)\"}}"
                )
            )
            let root = ControlCall(
                request,
                approver: nil,
                PeerCredentials(processID: 1, userID: 0, groupID: 0),
                ControlReply { _ in false }
            )
            let reset = gateway.loop.spawnThrowing { _ = try await gateway.resetApprovers(root) }
            _ = await Self.atOnce([Self.addAdmin("ben")], at: gateway)
            try await reset.value
            #expect(try await Self.people(gateway) == ["root"])
        }
    }

    @Test func `a token rotated twice at once has one successor`() async throws {
        try await withGateway { gateway in
            let issued = try await Self.carryOut(
                Wish("tokens.issue", "{\"owner\":\"bot\"}"),
                at: gateway
            )
            let id = try #require(issued["id"]?.string)
            let rotation = Wish("tokens.rotate", "{\"id\":\"\(id)\"}")
            let done = await Self.atOnce([rotation, rotation], at: gateway)
            #expect(done.count { $0 } == 1)
            let left = try await Self.tokens(gateway)
            #expect(left.count == 1)
            #expect(left.first?.id != id)
        }
    }

    @Test(
        "a token revoked while it is rotated has no successor",
        arguments: [[0, 1], [1, 0]],
        ["\"owner\":\"bot\"", "\"id\":"]
    )
    func revoked(order: [Int], named: String) async throws {
        try await withGateway { gateway in
            let issued = try await Self.carryOut(
                Wish("tokens.issue", "{\"owner\":\"bot\"}"),
                at: gateway
            )
            let id = try #require(issued["id"]?.string)
            let meant = named.hasSuffix(":") ? named + "\"\(id)\"" : named
            let wishes = [
                Wish("tokens.rotate", "{\"id\":\"\(id)\"}"),
                Wish("tokens.revoke", "{\(meant)}"),
            ]
            let done = await Self.atOnce(order.map { wishes[$0] }, at: gateway)
            #expect(done.contains(true))
            let isRevoked = done[order[1]]
            #expect(try await Self.tokens(gateway).isEmpty == isRevoked)
        }
    }

    /// The first told only that the log could not be written, and the second that there was no token:
    /// nobody could end it before a restart brought it back.
    @Test func `a token whose end could not be recorded can be revoked again`() async throws {
        try await withGateway { gateway in
            _ = try await Self.carryOut(Wish("tokens.issue", "{\"owner\":\"bot\"}"), at: gateway)
            let store: any RecordStore = await gateway.store
            await store.close()
            for _ in 0..<2 {
                let error = await #expect(throws: ControlError.self) {
                    _ = try await Self.carryOut(
                        Wish("tokens.revoke", "{\"owner\":\"bot\"}"),
                        at: gateway
                    )
                }
                #expect(error?.description.hasPrefix("it has ended, but") == true)
                #expect(await gateway.tokens.all.isEmpty)
            }
        }
    }

    @Test(arguments: [false, true])
    func `a stop that is set while an older one is lifted holds`(isBusy: Bool) async throws {
        try await withGateway { gateway in
            let stop = Wish("lockdown.set", "{\"target\":\"agent:bot\",\"reason\":\"again\"}")
            let other = Wish("lockdown.set", "{\"target\":\"agent:cat\",\"reason\":\"too\"}")
            _ = try await Self.carryOut(stop, at: gateway)
            let lift = Wish("lockdown.lift", "{\"target\":\"agent:bot\"}")
            // Behind another one's turn the older stop is not yet being lifted.
            let done = await Self.atOnce((isBusy ? [other] : []) + [lift, stop], at: gateway)
            #expect(done.last == true)
            let held = await gateway.door.activeLockdowns.map(\.target.text)
            let rows = try await gateway.store.allEntries(.lockdowns)
            #expect(held.sorted() == rows.map(\.key.name).sorted())
            #expect(held.contains("agent:bot"))
        }
    }

    @Test func `a way out refused while it is allowed is the same after a restart`() async throws {
        try await withGateway { gateway in
            let grant = EgressGrant(
                tenant: .main,
                server: ServerName(unchecked: "shop"),
                rule: try EgressRule("host.example"),
                length: .forGood,
                by: "ana",
                since: ManualClock().timestamp
            )
            let key = EgressBook.Key(tenant: grant.tenant, server: grant.server)
            let tasks = [
                gateway.loop.spawnThrowing { _ = try await gateway.egress.allow(grant) },
                gateway.loop.spawnThrowing {
                    _ = try await gateway.egress.refuse(grant.rule, of: key, by: "ben")
                },
            ]
            for task in tasks { try await task.value }
            let rows = try await gateway.store.allEntries(.egress)
            let held = await gateway.egress.allGrants
            #expect(rows.map(\.key) == held.map(\.key))
        }
    }
}
