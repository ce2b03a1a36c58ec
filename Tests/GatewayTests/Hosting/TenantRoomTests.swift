import Base
import Gateway
import TestKit
import Testing

@Suite struct TenantRoomTests {
    private static func room(
        servers: Int? = nil,
        processes: UInt64? = nil,
        mebibytes: UInt64? = nil
    ) -> TenantRoom {
        let room = TenantRoom()
        var caps = Configuration.Hosting()
        (caps.serverCount, caps.processCount) = (servers, processes)
        caps.memoryByteCount = mebibytes.map { $0 << 20 }
        room.change(caps)
        return room
    }

    private static func share(
        _ processes: UInt64 = 64,
        _ mebibytes: UInt64 = 512
    ) -> TenantRoom.Share {
        TenantRoom.Share(processCount: processes, memoryByteCount: mebibytes << 20)
    }

    @Test func `without caps there is always room`() {
        let room = Self.room()
        for _ in 0..<1000 { #expect(room.take(Self.share(), as: room.newTaker()) == nil) }
        #expect(room.use.serverCount == 1000)
    }

    @Test(
        "each cap is taken up to its value and not past it",
        arguments: [
            (room(servers: 2), "2 of 2 servers run"),
            (room(processes: 128), "128 of 128 processes are taken, it needs 64"),
            (room(mebibytes: 1024), "1024 of 1024 MiB of memory are taken, it needs 512"),
        ]
    )
    func caps(room: TenantRoom, short: String) {
        let takers = (0..<3).map { _ in room.newTaker() }
        #expect(room.take(Self.share(), as: takers[0]) == nil)
        #expect(room.take(Self.share(), as: takers[1]) == nil)
        #expect(room.take(Self.share(), as: takers[2]) == short)
        // What was not given is not counted, and what is given back can be taken.
        #expect(room.use.serverCount == 2)
        room.giveBack(takers[0])
        room.giveBack(takers[0])
        #expect(room.take(Self.share(), as: takers[2]) == nil)
        #expect(room.use.processCount == 128 && room.use.memoryByteCount == 1 << 30)
    }

    @Test func `who has a share keeps it and takes no second one`() {
        let room = Self.room(servers: 1)
        let taker = room.newTaker()
        #expect(room.take(Self.share(), as: taker) == nil)
        #expect(room.take(Self.share(), as: taker) == nil)
        #expect(room.use.serverCount == 1)
    }

    @Test func `lower caps end nothing and let nothing more in`() {
        let room = Self.room(servers: 3)
        let takers = (0..<3).map { _ in room.newTaker() }
        #expect(room.take(Self.share(), as: takers[0]) == nil)
        #expect(room.take(Self.share(), as: takers[1]) == nil)
        var caps = Configuration.Hosting()
        caps.serverCount = 1
        room.change(caps)
        #expect(room.use.serverCount == 2)
        room.giveBack(takers[1])
        #expect(room.take(Self.share(), as: takers[2]) == "1 of 1 servers run")
        #expect(!room.fits(Self.share(), without: []))
        #expect(room.fits(Self.share(), without: [takers[0]]))
    }

    @Test func `no sum of what is written overflows`() {
        let room = Self.room(processes: 1 << 20)
        let share = TenantRoom.Share(processCount: 1 << 20, memoryByteCount: 1 << 40)
        #expect(room.take(share, as: room.newTaker()) == nil)
        #expect(room.take(share, as: room.newTaker()) != nil)
    }
}
