/// What one cage may use up; `docs/limits.md` holds the same table.
package struct CageLimits: Sendable, Equatable {
    /// Of the whole tree: a control group's bound, which counts its files in memory too.
    ///
    /// Where there is none, twice as much is RLIMIT_DATA of each process and the tree's memory is watched.
    package var memoryByteCount: UInt64 = 512 << 20
    /// Of the whole tree, in thousandths of one processor; only a control group can bound it.
    package var processorThousandths: UInt64 = 1000
    /// RLIMIT_NPROC, which the kernel counts per user namespace, so that it bounds this tree alone.
    package var processCount: UInt64 = 64
    /// RLIMIT_NOFILE.
    package var descriptorCount: UInt64 = 256
    /// RLIMIT_FSIZE: the largest file it can write.
    package var fileByteCount: UInt64 = 32 << 20
    /// RLIMIT_AS; nil leaves it open, because V8 and Go reserve far more than they use.
    package var addressSpaceByteCount: UInt64?
    /// RLIMIT_CPU in seconds of processor time, nil for a server that lives long.
    package var processorSeconds: UInt64?
    package var temporaryByteCount: UInt64 = 64 << 20
    package var homeByteCount: UInt64 = 16 << 20
    package var sharedMemoryByteCount: UInt64 = 16 << 20

    package init() {}

    /// Resource numbers of Linux with the value that is both soft and hard.
    ///
    /// Core dumps, POSIX message queues and locked memory are off in every cage: the first two leave
    /// it, the third cannot be swapped out.
    func resources(boundsData: Bool) -> [(resource: UInt32, value: UInt64)] {
        var list: [(UInt32, UInt64)] = [
            (4, 0),  // RLIMIT_CORE
            (6, processCount),  // RLIMIT_NPROC
            (7, descriptorCount),  // RLIMIT_NOFILE
            (1, fileByteCount),  // RLIMIT_FSIZE
            (12, 0),  // RLIMIT_MSGQUEUE
            (8, 0),  // RLIMIT_MEMLOCK
        ]
        // Twice, because what a thread's stack may grow to is counted as used.
        if boundsData { list.append((2, memoryByteCount &* 2)) }  // RLIMIT_DATA
        if let addressSpaceByteCount { list.append((9, addressSpaceByteCount)) }  // RLIMIT_AS
        if let processorSeconds { list.append((0, processorSeconds)) }  // RLIMIT_CPU
        return list
    }

    /// What a signal that ends a server says of these limits; nil for one that says nothing.
    package func reason(for signal: Int32) -> String? {
        switch signal {
        case 25:  // SIGXFSZ
            "it wrote a file of more than \(fileByteCount >> 20) MiB (`file_size`)"
        case 24: "it used up its processor time"  // SIGXCPU
        case 31: "it made a system call of another architecture"  // SIGSYS
        default: nil
        }
    }
}
