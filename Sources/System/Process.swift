import CLinux
import Glibc

/// The process we are: figures, environment, standard streams.
///
/// Only `main` and commands use it.
package enum Process {
    /// The arguments after the program's name.
    package static var arguments: [String] { Array(CommandLine.arguments.dropFirst()) }

    /// The value of an environment variable; nil when it is not set.
    package static func environment(_ name: String) -> String? {
        guard !name.utf8.contains(0), let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    package static var identifier: Int32 { getpid() }
    package static var userID: UInt32 { geteuid() }
    package static var groupID: UInt32 { getegid() }

    /// The absolute path of the running program.
    package static func executable() throws(SystemError) -> String {
        try Files.target(ofLink: "/proc/self/exe")
    }

    package static func workingDirectory() throws(SystemError) -> String {
        try Files.target(ofLink: "/proc/self/cwd")
    }

    /// Raises the soft limit of open files to the hard one; the limit that stands then.
    ///
    /// The connection caps are derived from it: it may not be raisable where we run.
    package static func raiseOpenFileLimit() throws(SystemError) -> Int {
        Int(try checked("getrlimit", cgate_raise_open_files()))
    }

    /// Resident memory in bytes (proc(5), statm); 0 where `/proc` is missing.
    package static func residentByteCount() -> Int {
        guard let bytes = try? Files.read("/proc/self/statm", limit: 4096) else { return 0 }
        let fields = bytes.split(separator: 0x20)
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else {
            return 0
        }
        return pages * Int(cgate_page_size())
    }

    /// The number of open descriptors.
    package static func openDescriptorCount() -> Int {
        // One of the names is the folder being read.
        max(0, ((try? Files.names(in: "/proc/self/fd"))?.count ?? 0) - 1)
    }

    /// CPU time of all threads so far.
    package static func cpuTime() -> Duration { .nanoseconds(Int64(clamping: cgate_cpu_time())) }

    /// CPU time of the calling thread so far.
    package static func threadCPUTime() -> Duration {
        .nanoseconds(Int64(clamping: cgate_thread_cpu_time()))
    }

    /// Lets the calling thread sleep; for commands that wait for what sends no event.
    package static func pause(_ duration: Duration) {
        let nanoseconds = max(0, duration.components.attoseconds / 1_000_000_000)
        var time = timespec(tv_sec: Int(duration.components.seconds), tv_nsec: Int(nanoseconds))
        var rest = timespec()
        while unsafe nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }

    /// Keeps other processes of the same user out of our memory and environment; after this no
    /// core file is written and no debugger attaches.
    package static func hideMemory() throws(SystemError) {
        _ = try checked("prctl", cgate_hide_memory())
    }

    /// Gives memory that freed messages left back to the system.
    package static func releaseMemory() { _ = cgate_release_memory() }
}

/// The standard streams of a command, written whole and without a buffer of their own.
package enum Console {
    package static func print(_ text: String) { write(text + "\n", to: 1) }
    package static func complain(_ text: String) { write(text + "\n", to: 2) }

    /// Writes as it is; a reader that went away is nothing a command could do anything about.
    package static func write(_ text: String, to number: CInt = 1) {
        try? Files.write(Array(text.utf8), to: number)
    }

    package static func write(_ bytes: [UInt8], to number: CInt = 1) throws(SystemError) {
        try Files.write(bytes, to: number)
    }
}

/// The terminal of the person who runs a command, whatever its standard streams are.
///
/// Being asked here is hygiene, not proof: any process can open a terminal of its own.
package struct Terminal: ~Copyable {
    let device: Descriptor

    /// Opens `/dev/tty`; throws where there is none.
    package init() throws(SystemError) {
        let flags = CGATE_READ | CGATE_WRITE | CGATE_FOLLOW | CGATE_BLOCKING
        let number = unsafe cgate_open(-1, "/dev/tty", CInt(flags), 0)
        device = Descriptor(adopting: try checked("open", number, subject: "/dev/tty"))
    }

    /// Another terminal device, such as the far end of a pseudo-terminal.
    package init(adopting device: consuming Descriptor) { self.device = device }

    package func write(_ text: String) throws(SystemError) {
        try Files.write(text.utf8, to: device)
    }

    /// Asks for one line, at most `limit` bytes, without its newline; nil at the end of input.
    ///
    /// With `isSecret` nothing shows while it is typed; the echo is put back in any case.
    package func ask(
        _ question: String,
        isSecret: Bool = false,
        limit: Int = 4096
    ) throws(SystemError) -> [UInt8]? {
        guard isSecret else {
            try write(question)
            return try line(limit: limit)
        }
        // First the echo, then the question: a quick answer is neither shown nor dropped.
        var before: CInt = 1
        let number = device.number
        _ = try checked("tcsetattr", unsafe cgate_set_echo(number, 0, &before))
        defer {
            var ignored: CInt = 0
            _ = unsafe cgate_set_echo(number, before, &ignored)
            _ = try? Files.write([0x0a], to: number)
        }
        try write(question)
        return try line(limit: limit)
    }

    private func line(limit: Int) throws(SystemError) -> [UInt8]? {
        var bytes: [UInt8] = []
        while true {
            var byte: UInt8 = 0
            let count = try checked("read", unsafe cgate_read(device.number, &byte, 1))
            if count == 0 { return bytes.isEmpty ? nil : bytes }
            if byte == 0x0a || byte == 0x0d { return bytes }
            guard bytes.count < limit else {
                throw SystemError(call: "read", code: Errno.tooLarge, subject: "/dev/tty")
            }
            bytes.append(byte)
        }
    }
}
