import Base
import System
import Testing

@testable import Gateway

/// Who waits for whom when a server takes the place of another.
@Suite struct LeavingServersTests {
    private func key(_ server: String) throws -> ServerFleet.Key {
        ServerFleet.Key(tenant: .main, server: try ServerName(server))
    }

    @Test func `a server waits for those of its name that were before it`() throws {
        let loop = try EventLoop()
        let (notes, files) = (try key("notes"), try key("files"))
        var leaving = LeavingServers()
        leaving.add(notes, 1)
        leaving.add(notes, 2)
        let other = leaving.wait(for: files, before: 3, on: loop)
        let first = leaving.wait(for: notes, before: 3, on: loop)
        #expect(leaving.holds(notes, 1))
        #expect(!leaving.holds(notes, 3))
        #expect(!leaving.holds(notes, nil))
        #expect(!leaving.holds(files, 1))
        leaving.remove(notes, 1)
        #expect(!leaving.holds(notes, 1))
        #expect(other == nil)
        #expect(first?.isSettled == true)
        let second = leaving.wait(for: notes, before: 3, on: loop)
        #expect(second?.isSettled == false)
        leaving.remove(notes, 2)
        #expect(second?.isSettled == true)
        let last = leaving.wait(for: notes, before: 3, on: loop)
        #expect(last == nil)
    }

    /// A process that nothing ends held up every successor, and the end of the gateway.
    @Test func `nobody waits for one that was killed and does not end, or takes its place`() throws
    {
        let loop = try EventLoop()
        let notes = try key("notes")
        var leaving = LeavingServers()
        leaving.add(notes, 1)
        leaving.add(notes, 2)
        let both = leaving.wait(for: notes, before: 3, on: loop)
        leaving.noteLeft(notes, 1, "process 11 does not end")
        #expect(both?.isSettled == true)
        let second = leaving.wait(for: notes, before: 3, on: loop)
        #expect(second?.isSettled == false)
        leaving.remove(notes, 2)
        #expect(second?.isSettled == true)
        let none = leaving.wait(for: notes, before: 3, on: loop)
        #expect(none == nil)
        #expect(leaving.left(of: notes, before: 3) == "process 11 does not end")
        #expect(leaving.left(of: notes, before: 1) == nil)
        #expect(leaving.left(of: try key("files"), before: 3) == nil)
        leaving.remove(notes, 1)
        #expect(leaving.left(of: notes, before: 3) == nil)
        #expect(leaving.keys.isEmpty)
    }

    @Test func `one that went before it was noted is not noted any more`() throws {
        let notes = try key("notes")
        var leaving = LeavingServers()
        leaving.add(notes, 1)
        leaving.remove(notes, 1)
        leaving.noteLeft(notes, 1, "process 11 does not end")
        #expect(leaving.left(of: notes, before: 2) == nil)
    }

    /// It would wait for itself: its end waits for its start to be over.
    @Test func `one that is to leave waits for nobody after it`() throws {
        let loop = try EventLoop()
        let notes = try key("notes")
        var leaving = LeavingServers()
        leaving.add(notes, 2)
        leaving.add(notes, 3)
        let first = leaving.wait(for: notes, before: 2, on: loop)
        let second = leaving.wait(for: notes, before: 3, on: loop)
        #expect(first == nil)
        #expect(second?.isSettled == false)
        leaving.remove(notes, 2)
        #expect(second?.isSettled == true)
        #expect(leaving.keys == [notes])
    }
}
