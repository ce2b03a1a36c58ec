import Approval
import Audit
import Base
import Crypto
import JSON
import System
import TestKit
import Testing

@testable import Gateway

/// What an earlier process left: a row that cannot be read is named, and takes nothing with it.
@Suite struct DeskRestoreTests {
    @Test func `rows that cannot be read are named, those beside them count`() async throws {
        let seed = SecretBytes([UInt8](repeating: 7, count: 32))
        let store = MemoryStore(
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: seed),
            random: CountingRandom()
        )
        let glass = try emergency()
        let rows: [(StateTable, String, [UInt8])] = [
            (.approvals, "broken", Array("{".utf8)),
            (.grants, "other", Array(#"{"grant":1}"#.utf8)),
            (.breakGlass, glass.id.rawValue, glass.value.serialised()),
            (.breakGlass, "none", []),
        ]
        var transaction = Transaction()
        transaction.changes = rows.map { table, name, value in
            .put(StateKey(.main, table, name), value: value, expecting: .absent)
        }
        _ = try await store.commit(transaction)

        let loop = try EventLoop()
        let thread = try loop.start()
        let desk = ApprovalDesk(
            loop: loop,
            store: store,
            clock: ManualClock(),
            random: CountingRandom(),
            sealing: try SealingKey(SecretBytes([UInt8](repeating: 9, count: 32))),
            environment: EnvironmentName(unchecked: "staging"),
            settings: ApprovalSettings()
        )
        let result = await loop.spawnThrowing {
            let unread = try await desk.restore(from: store)
            #expect(unread.map(\.name) == ["broken", "other", "none"])
            #expect(await desk.emergencies().map(\.glass.id) == [glass.id])
        }.result
        loop.stop()
        thread.join()
        try result.get()
    }

    private func emergency() throws -> BreakGlass {
        var book = BreakGlassBook(at: Self.moment)
        return try book.open(
            BreakGlassID(random: CountingRandom()),
            by: PersonName(unchecked: "ana"),
            for: .main,
            because: "nobody else is awake",
            lasting: .seconds(600),
            reviewWithin: .seconds(86_400),
            token: hashing.sha256([1]),
            at: Self.moment
        )
    }

    private static var moment: Moment {
        let clock = ManualClock()
        return Moment(instant: clock.instant, timestamp: clock.timestamp)
    }
}
