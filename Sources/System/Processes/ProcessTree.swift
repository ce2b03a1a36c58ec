import CLinux
import Glibc

/// A process as `/proc/PID/stat` shows it.
package struct ProcessFacts: Hashable, Sendable {
    package let processID: Int32
    package let parent: Int32
    package let session: Int32
    /// In clock ticks after boot; with the number it names a process for good.
    package let startTime: UInt64
    package let isZombie: Bool

    /// Nil when there is no such process any more.
    package init?(_ processID: Int32) {
        guard
            let bytes = try? Files.read("/proc/\(processID)/stat", limit: 4096),
            // The name in parentheses can hold anything, parentheses too: start after the last one.
            let close = bytes.lastIndex(of: 0x29)
        else { return nil }
        let fields = bytes[(close + 1)...].split(separator: 0x20)
            .map { String(decoding: $0, as: UTF8.self) }
        // proc(5): state is field 3, ppid 4, session 6, starttime 22.
        guard fields.count > 19, let parent = Int32(fields[1]), let session = Int32(fields[3]),
            let startTime = UInt64(fields[19])
        else { return nil }
        self.processID = processID
        self.parent = parent
        self.session = session
        self.startTime = startTime
        isZombie = fields[0] == "Z" || fields[0] == "X"
    }
}

/// Finds and kills what a process started.
package enum ProcessTree {
    private static let roundLimit = 16

    /// Every process of the machine we may see.
    package static func all() -> [ProcessFacts] {
        let names = (try? Files.names(in: "/proc")) ?? []
        return names.compactMap { Int32($0) }.compactMap { ProcessFacts($0) }
    }

    /// The living descendants of `root` and members of `session`, without `root` itself.
    package static func members(root: Int32?, session: Int32?) -> [ProcessFacts] {
        let everyone = all()
        var found: [Int32: ProcessFacts] = [:]
        var parents: Set<Int32> = root.map { [$0] } ?? []
        for process in everyone where process.session == session {
            found[process.processID] = process
            parents.insert(process.processID)
        }
        // Children of children: until a pass finds nobody new.
        var hasGrown = !parents.isEmpty
        while hasGrown {
            hasGrown = false
            for process in everyone
            where parents.contains(process.parent) && parents.insert(process.processID).inserted {
                found[process.processID] = process
                hasGrown = true
            }
        }
        if let root { found[root] = nil }
        return found.values.filter { !$0.isZombie }
    }

    /// Stops everything first, so that nothing makes new processes while it is counted, then kills.
    ///
    /// The root is killed as well, when given; its owner reaps it.
    package static func kill(root: Int32?, session: Int32?) {
        if let root { deliver(.stop, to: root, startedAt: nil) }
        var stopped: Set<ProcessFacts> = []
        for _ in 0..<roundLimit {
            let fresh = members(root: root, session: session).filter { !stopped.contains($0) }
            guard !fresh.isEmpty else { break }
            for process in fresh {
                deliver(.stop, to: process.processID, startedAt: process.startTime)
                stopped.insert(process)
            }
        }
        for process in stopped {
            deliver(.kill, to: process.processID, startedAt: process.startTime)
        }
        if let root { deliver(.kill, to: root, startedAt: nil) }
    }

    /// Signals through a pidfd, so that a number that was given to another process meanwhile is
    /// never hit.
    private static func deliver(_ signal: Signal, to process: Int32, startedAt: UInt64?) {
        guard process > 1, process != getpid() else { return }
        let pidfd = cgate_pidfd_open(process)
        guard pidfd >= 0 else { return }
        defer { _ = cgate_close(pidfd) }
        if let startedAt, ProcessFacts(process)?.startTime != startedAt { return }
        _ = cgate_pidfd_signal(pidfd, signal.rawValue)
    }
}
