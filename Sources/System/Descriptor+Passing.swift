import CLinux

extension Descriptor {
    /// The most descriptors in one message.
    package static let passingLimit = 16

    /// Sends bytes with descriptors over a unix socket (SCM_RIGHTS); both ends then have them.
    ///
    /// At least one byte has to go along; the number of bytes that were sent.
    @discardableResult
    package static func send(
        _ bytes: [UInt8],
        with descriptors: [CInt],
        over socket: CInt
    ) throws(SystemError) -> Int {
        let count = CInt(clamping: descriptors.count)
        return try checked(
            "sendmsg",
            unsafe bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return -Int(Errno.invalidArgument) }
                return unsafe cgate_send_descriptors(socket, base, buffer.count, descriptors, count)
            }
        )
    }

    /// Receives one message: at most `byteLimit` bytes and `limit` descriptors, which the caller
    /// takes over.
    ///
    /// Throws EMSGSIZE, and closes them all, when more came; EAGAIN when nothing is there.
    package static func receive(
        byteLimit: Int,
        limit: Int,
        over socket: CInt
    ) throws(SystemError) -> (bytes: [UInt8], descriptors: [CInt]) {
        var bytes = [UInt8](repeating: 0, count: max(1, byteLimit))
        var numbers = [CInt](repeating: -1, count: max(1, min(limit, passingLimit)))
        var count = CInt(min(max(0, limit), passingLimit))
        let received = try checked(
            "recvmsg",
            unsafe bytes.withUnsafeMutableBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe cgate_receive_descriptors(
                    socket,
                    base,
                    buffer.count,
                    &numbers,
                    &count
                )
            }
        )
        return (Array(bytes.prefix(received)), Array(numbers.prefix(Int(count))))
    }

    /// An unnamed file in memory with these bytes that nobody can change any more; the position
    /// is at its start.
    package static func sealedMemory(
        _ name: String,
        _ bytes: [UInt8]
    ) throws(SystemError)
        -> Descriptor
    {
        let memory = try memory(name)
        try Files.write(bytes, to: memory)
        _ = try checked("fcntl", cgate_seal_memfd(memory.number))
        _ = try checked("lseek", cgate_rewind(memory.number))
        return memory
    }

    /// An empty unnamed file in memory.
    package static func memory(_ name: String) throws(SystemError) -> Descriptor {
        try refuseNUL(name, call: "memfd_create")
        return Descriptor(adopting: try checked("memfd_create", unsafe cgate_memfd(name)))
    }

    /// A descriptor that stands for a process; readable once it has ended.
    package static func process(_ processID: Int32) throws(SystemError) -> Descriptor {
        Descriptor(adopting: try checked("pidfd_open", cgate_pidfd_open(processID)))
    }
}
