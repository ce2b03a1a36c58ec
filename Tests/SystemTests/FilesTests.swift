import Base
import Glibc
import System
import Testing

struct FilesTests {
    @Test func `a file is read up to its limit and not a byte beyond`() async throws {
        try await withFolder { folder in
            let path = folder + "/file"
            try Files.create(path, with: [UInt8](repeating: 1, count: 100_000))
            #expect(try Files.read(path, limit: 100_000).count == 100_000)
            let error = #expect(throws: SystemError.self) {
                try Files.read(path, limit: 99_999)
            }
            #expect(error?.name == "EFBIG")
            #expect(error?.subject == path)
        }
    }

    @Test func `a replaced file has the new content and mode and nothing is left beside it`()
        async throws
    {
        try await withFolder { folder in
            let path = folder + "/file"
            try Files.replace(path, with: [1, 2, 3])
            #expect(mode(path) == 0o600)
            // What a crash between write and rename leaves, as a trap for the next writer.
            let target = folder + "/elsewhere"
            try Files.create(target, with: [9])
            unsafe symlink(target, folder + "/.file.new")
            try Files.replace(path, with: [4], mode: 0o644)
            #expect(try Files.read(path, limit: 10) == [4])
            #expect(mode(path) == 0o644)
            #expect(try Files.read(target, limit: 10) == [9])
            #expect(try Files.names(in: folder) == ["elsewhere", "file"])
        }
    }

    @Test func `a replacement that fails leaves the old content`() async throws {
        try await withFolder { folder in
            let path = folder + "/file"
            try Files.makeFolder(path)
            #expect(throws: SystemError.self) { try Files.replace(path, with: [1]) }
            #expect(try Files.names(in: folder) == ["file"])
        }
    }

    @Test func `links are followed only when asked`() async throws {
        try await withFolder { folder in
            try Files.create(folder + "/file", with: [1])
            unsafe symlink(folder + "/file", folder + "/link")
            #expect(try Files.read(folder + "/link", limit: 9) == [1])
            let error = #expect(throws: SystemError.self) {
                try Files.read(folder + "/link", limit: 9, followsLinks: false)
            }
            #expect(error?.name == "ELOOP")
            #expect(try FileFacts(folder + "/link").kind == .link)
            #expect(try Files.target(ofLink: folder + "/link") == folder + "/file")
        }
    }

    @Test func `facts tell kind, owner and mode`() async throws {
        try await withFolder { folder in
            try Files.create(folder + "/file", with: [1, 2], mode: 0o640)
            let file = try FileFacts(folder + "/file")
            #expect(file.kind == .regular)
            #expect(file.byteCount == 2)
            #expect(file.userID == geteuid())
            #expect(file.mode == 0o640)
            #expect(!file.isPrivate)
            #expect(try FileFacts(folder).kind == .folder)
            #expect(try FileFacts(folder).isPrivate)
            let opened = try FileFacts(Files.open(folder + "/file", .read))
            #expect(opened == file)
        }
    }

    @Test func `folders are made for the owner only, with all that lead to them`() async throws {
        try await withFolder { folder in
            try Files.makeFolder(folder + "/a/b/c")
            try Files.makeFolder(folder + "/a/b/c")
            #expect(mode(folder + "/a") == 0o700)
            #expect(mode(folder + "/a/b/c") == 0o700)
        }
    }

    @Test func `a lock file has one holder and says who`() async throws {
        try await withFolder { folder in
            let path = folder + "/lock"
            do {
                let first = try LockFile(path, note: "process 1")
                let error = #expect(throws: AlreadyLocked.self) {
                    _ = try LockFile(path, note: "process 2")
                }
                #expect(error?.holder == "process 1")
                _ = consume first
            }
            // A child that is being started elsewhere holds what was open until it executes.
            while true {
                do {
                    _ = try LockFile(path, note: "process 2")
                    break
                } catch is AlreadyLocked { try Task.checkCancellation() }
                await Task.yield()
            }
            #expect(try Files.read(path, limit: 100) == Array("process 2".utf8))
        }
    }

    @Test func `a path with a NUL byte reaches no file`() throws {
        let error = #expect(throws: SystemError.self) {
            try Files.read("/etc/passwd\u{0}.txt", limit: 1 << 20)
        }
        #expect(error?.name == "EINVAL")
    }

    @Test func `a FIFO in place of a file does not stop the reader`() async throws {
        try await withFolder { folder in
            unsafe mkfifo(folder + "/fifo", 0o600)
            let bytes = try Files.read(folder + "/fifo", limit: 10)
            #expect(bytes.isEmpty)
        }
    }

    @Test func `sealed memory cannot be changed`() throws {
        let memory = try Descriptor.sealedMemory("test", [1, 2, 3])
        #expect(try Files.read(memory, limit: 10, name: "memory") == [1, 2, 3])
        let error = #expect(throws: SystemError.self) { try Files.write([4], to: memory) }
        #expect(error?.name == "EPERM")
    }

    @Test func `descriptors travel with bytes and too many are refused whole`() throws {
        let pair = try SocketPair(keepsMessages: true, nonblocking: true)
        let memory = try Descriptor.sealedMemory("test", [7])
        let numbers = [memory.number, memory.number]
        try Descriptor.send([1, 2], with: numbers, over: pair.first.number)
        let (bytes, received) = try Descriptor.receive(
            byteLimit: 10,
            limit: 2,
            over: pair.second.number
        )
        #expect(bytes == [1, 2])
        #expect(received.count == 2)
        let first = Descriptor(adopting: received[0])
        #expect(try Files.read(first, limit: 10, name: "memory") == [7])
        _ = Descriptor(adopting: received[1])
        try Descriptor.send([1], with: numbers, over: pair.first.number)
        let error = #expect(throws: SystemError.self) {
            try Descriptor.receive(byteLimit: 10, limit: 1, over: pair.second.number)
        }
        #expect(error?.name == "EMSGSIZE")
    }
}

struct ProcessTests {
    @Test func `figures of the process are there`() throws {
        #expect(Process.residentByteCount() > 1 << 20)
        #expect(try Process.raiseOpenFileLimit() >= 64)
        #expect(Process.openDescriptorCount() >= 3)
        #expect(Process.environment("PATH") != nil)
        #expect(Process.environment("GATEHOUSE_NO_SUCH_NAME") == nil)
        let program = try Process.executable()
        #expect(program.hasPrefix("/"))
        #expect(Process.cpuTime() > .zero)
    }

    @Test func `the clocks go forward and know the year`() {
        let clock = SystemClock()
        let first = clock.instant
        #expect(clock.instant >= first)
        #expect(clock.timestamp.description.hasPrefix("20"))
    }

    @Test func `a secret is asked without echo and the echo is put back`() throws {
        var (master, far): (CInt, CInt) = (-1, -1)
        let status = unsafe openpty(&master, &far, nil, nil, nil)
        try #require(status == 0)
        let near = master
        let person = Descriptor(adopting: near)
        let terminal = Terminal(adopting: Descriptor(adopting: far))
        let answering = try LoopThread {
            var asked = 0
            var byte: UInt8 = 0
            while asked < 2, unsafe read(near, &byte, 1) == 1 {
                guard byte == 0x3f else { continue }
                asked += 1
                let answer = asked == 1 ? "visible\n" : "hidden\n"
                unsafe write(near, answer, answer.utf8.count)
            }
        }
        #expect(try terminal.ask("name?") == Array("visible".utf8))
        #expect(try terminal.ask("secret?", isSecret: true) == Array("hidden".utf8))
        answering.join()
        try person.setNonblocking()
        var shown = [UInt8](repeating: 0, count: 100)
        let count = unsafe read(near, &shown, shown.count)
        // Only the newline that closes the question.
        #expect(shown.prefix(max(0, count)) == [0x0d, 0x0a])
        var (state, isEchoing) = (termios(), false)
        unsafe tcgetattr(near, &state)
        isEchoing = state.c_lflag & tcflag_t(ECHO) != 0
        #expect(isEchoing)
    }
}
