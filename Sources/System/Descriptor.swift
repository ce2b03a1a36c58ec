import CLinux
import Glibc

/// The errno values that code decides by.
package enum Errno {
    package static let again: CInt = EAGAIN
    package static let invalidArgument: CInt = EINVAL
    package static let noEntry: CInt = ENOENT
    package static let exists: CInt = EEXIST
    package static let timedOut: CInt = ETIMEDOUT
    package static let permission: CInt = EPERM
    package static let access: CInt = EACCES
    package static let tooLarge: CInt = EFBIG
    package static let noSpace: CInt = ENOSPC
    package static let protocolError: CInt = EPROTO
}

/// A file descriptor with one owner; it is closed when the owner goes away.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, valid while this value lives; whoever uses it must not close it.
    package let number: CInt

    /// Takes over `number`; the caller must not close it.
    package init(adopting number: CInt) { self.number = number }

    deinit { _ = cgate_close(number) }

    /// Gives the number away; the taker closes it.
    package consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// A descriptor of our own for one that somebody else owns, such as a standard stream.
    package static func duplicate(of number: CInt) throws(SystemError) -> Descriptor {
        Descriptor(adopting: try checked("fcntl", cgate_duplicate(number)))
    }

    /// A second descriptor of the same open file, closed on exec.
    package func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(adopting: try checked("fcntl", cgate_duplicate(number)))
    }

    /// Whether a child process started with `exec` keeps it.
    package func setInheritable(_ isInheritable: Bool) throws(SystemError) {
        _ = try checked("fcntl", cgate_set_inheritable(number, isInheritable ? 1 : 0))
    }

    package func setNonblocking() throws(SystemError) {
        _ = try checked("fcntl", cgate_set_nonblocking(number))
    }
}

/// The two ends of a pipe, both closed on exec.
package struct Pipe: ~Copyable, Sendable {
    package var reading: Descriptor
    package var writing: Descriptor

    /// Which end does not block; a child is given the other one.
    package enum NonblockingEnd: CInt, Sendable {
        case none = 0, reading = 1, writing = 2, both = 3
    }

    package init(nonblocking: NonblockingEnd = .none) throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        _ = try checked("pipe2", unsafe cgate_pipe(&ends, nonblocking.rawValue))
        reading = Descriptor(adopting: ends[0])
        writing = Descriptor(adopting: ends[1])
    }

    package consuming func split() -> (reading: CInt, writing: CInt) {
        (reading.release(), writing.release())
    }
}

/// A connected pair of unix sockets, both closed on exec.
package struct SocketPair: ~Copyable, Sendable {
    package var first: Descriptor
    package var second: Descriptor

    /// `keepsMessages` makes it SOCK_SEQPACKET: one send is one receive.
    package init(keepsMessages: Bool = false, nonblocking: Bool = false) throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        _ = try checked(
            "socketpair",
            unsafe cgate_socketpair(&ends, keepsMessages ? 1 : 0, nonblocking ? 1 : 0)
        )
        first = Descriptor(adopting: ends[0])
        second = Descriptor(adopting: ends[1])
    }

    package consuming func split() -> (first: CInt, second: CInt) {
        (first.release(), second.release())
    }
}
