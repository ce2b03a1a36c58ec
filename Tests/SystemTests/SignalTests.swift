import Base
import Glibc
import System
import Testing

/// These change the whole process (blocked signals, descriptors), so each runs in one of its own.
@Suite(.timeLimit(.minutes(5)))
struct SignalTests {
    @Test func `a signal is an event of the loop, several that wait count as one`() async {
        await #expect(processExitsWith: .success) {
            try Signals.block([.hangUp, .user1])
            let seen = try await onLoop { loop in
                let pending = Pending<Int32>(on: loop)
                let watch = try SignalWatch([.hangUp, .user1], on: loop) { signal in
                    pending.fulfil(signal.rawValue)
                }
                // To this thread: others of a test process do not block it.
                _ = raise(SIGHUP)
                _ = raise(SIGHUP)
                let seen = try await pending.value()
                watch.cancel()
                return seen
            }
            #expect(seen == SIGHUP)
        }
    }

    @Test func `starting and ending children leaves no descriptor and no process`() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let warm = Keeper(on: loop)
                try await warm.start(script("true"))
                _ = try await warm.exit()
                let before = Process.openDescriptorCount()
                for _ in 0..<50 {
                    let keeper = Keeper(on: loop)
                    try await keeper.start(script("cat; exit 1", input: .pipe))
                    try await keeper.feed([1])
                    #expect(try await keeper.exit() == .exited(1))
                    let failing = Keeper(on: loop)
                    _ = try? await failing.start(SpawnRequest(executable: "/nonexistent"))
                }
                #expect(Process.openDescriptorCount() == before)
                #expect(!ProcessTree.all().contains { $0.parent == getpid() })
            }
        }
    }

    @Test func `without free descriptors a listener waits and goes on later`() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let door = Door(on: loop)
                let address = try await door.open()
                let client = try await Peer.connected(to: address, on: loop)
                let server = try await door.next()
                await client.close()
                await server.close()
                let late = try await Peer.connected(to: address, on: loop)
                // The accept of the next one finds no number left; it comes back when some are free.
                var limit = rlimit(rlim_cur: 0, rlim_max: 4096)
                limit.rlim_cur = rlim_t(Process.openDescriptorCount() + 8)
                unsafe setrlimit(__rlimit_resource_t(7), &limit)
                var hoard: [CInt] = []
                while case let number = unsafe open("/dev/null", O_RDONLY), number >= 0 {
                    hoard.append(number)
                }
                let spare = hoard.popLast()
                Glibc.close(try #require(spare))
                let starved = try await Peer.connected(to: address, on: loop)
                for number in hoard { Glibc.close(number) }
                _ = try await door.next()
                let last = try await door.next()
                try await starved.send([5])
                #expect(try await last.exactly(1) == [5])
                await late.close()
            }
        }
    }
}
