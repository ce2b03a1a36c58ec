private import Glibc

/// What a server's tree of processes uses right now, for whoever looks.
package struct TreeUse: Sendable, Equatable {
    /// What its bound counts: with a control group that group's, files in memory included; without
    /// one the resident pages of its processes, of which shared ones count for each.
    package let memoryByteCount: UInt64
    package let processCount: Int
    /// Processor time of all that runs, and of what ended and was waited for.
    package let processorMilliseconds: UInt64

    /// Of the group where there is one, else of a process and everything below it.
    ///
    /// Blocks; nil when the process is gone.
    package init?(treeOf root: Int32, in group: CageGroup?) {
        let processes = TreeMemory.tree(of: root)
        let times = processes.compactMap { Self.ticks(of: $0) }
        guard !times.isEmpty else { return nil }
        let perSecond = UInt64(max(1, sysconf(CInt(_SC_CLK_TCK))))
        let group = group?.use
        memoryByteCount =
            group?.memoryByteCount
            ?? processes.reduce(0) { $0 &+ TreeMemory.residentByteCount(of: $1) }
        processCount = group?.processCount ?? times.count
        processorMilliseconds = times.reduce(0) { $0 &+ $1 } &* 1000 / perSecond
    }

    /// Clock ticks a process ran, with those of children it has waited for.
    private static func ticks(of process: Int32) -> UInt64? {
        let bytes = HostPath.beginning(of: "/proc/\(process)/stat", limit: 4096) ?? []
        // The name in parentheses can hold anything, parentheses too: start after the last one.
        guard let close = bytes.lastIndex(of: 0x29) else { return nil }
        let fields = bytes[(close + 1)...].split(separator: 0x20)
        // proc(5): utime, stime, cutime, cstime are fields 14 to 17; the first one here is field 3.
        guard fields.count > 14 else { return nil }
        return fields[11...14].reduce(0) {
            $0 &+ (UInt64(String(decoding: $1, as: UTF8.self)) ?? 0)
        }
    }
}

extension CageGroup {
    /// What the kernel counts against its bounds.
    ///
    /// Blocks; nil when the group is gone.
    fileprivate var use: (memoryByteCount: UInt64, processCount: Int)? {
        guard let memory = folder(of: .memory), let processes = folder(of: .pids) else {
            return nil
        }
        let file =
            if case .unified = groups.layout { "memory.current" } else { "memory.usage_in_bytes" }
        guard let bytes = ControlFile.number(in: "\(memory)/\(file)"),
            let count = ControlFile.number(in: "\(processes)/pids.current")
        else { return nil }
        return (bytes, Int(clamping: count))
    }
}
