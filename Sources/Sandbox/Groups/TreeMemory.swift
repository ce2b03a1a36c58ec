private import Glibc

/// How much memory a process and everything below it uses, for machines without control groups.
package enum TreeMemory {
    /// Processes looked at; a tree cannot have more than its limit of processes, which is below.
    static let processLimit = 8192

    /// What it is where that is more than `limit` bytes, else nil; blocks.
    ///
    /// Resident pages are added up first, which is cheap and never less than the truth. Only where that
    /// is too much are shared pages split among those who share them (PSS), which the kernel counts page
    /// by page. A process that hides its pages counts with all of them.
    package static func excess(of root: Int32, over limit: UInt64) -> UInt64? {
        let processes = tree(of: root)
        let resident = processes.reduce(0) { $0 &+ residentByteCount(of: $1) }
        guard resident > limit else { return nil }
        let proportional = processes.reduce(0) { sum, process in
            sum &+ (proportionalByteCount(of: process) ?? residentByteCount(of: process))
        }
        return proportional > limit ? proportional : nil
    }

    static func tree(of root: Int32) -> [Int32] {
        var found = [root]
        var next = 0
        while next < found.count, found.count < processLimit {
            let folder = "/proc/\(found[next])/task"
            next += 1
            for thread in HostPath.names(in: folder) {
                let path = "\(folder)/\(thread)/children"
                guard let bytes = HostPath.beginning(of: path, limit: 64 << 10) else { continue }
                found += bytes.split(separator: 0x20).compactMap {
                    Int32(String(decoding: $0, as: UTF8.self))
                }
            }
        }
        return found
    }

    private static let pageByteCount = UInt64(max(4096, sysconf(CInt(_SC_PAGESIZE))))

    static func residentByteCount(of process: Int32) -> UInt64 {
        let bytes = HostPath.beginning(of: "/proc/\(process)/statm", limit: 256) ?? []
        let words = bytes.split(separator: 0x20)
        guard words.count > 1 else { return 0 }
        return (UInt64(String(decoding: words[1], as: UTF8.self)) ?? 0) &* pageByteCount
    }

    private static func proportionalByteCount(of process: Int32) -> UInt64? {
        guard let bytes = HostPath.beginning(of: "/proc/\(process)/smaps_rollup", limit: 4096)
        else {
            return nil
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3, words[0] == "Pss:" { return UInt64(words[1]).map { $0 << 10 } }
        }
        return nil
    }
}
