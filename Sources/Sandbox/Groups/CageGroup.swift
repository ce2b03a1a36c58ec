import Base
private import Glibc
import System

/// The control groups of one start: made with their bounds before anything runs in them, removed when
/// the tree is gone.
package final class CageGroup: Sendable {
    let groups: ControlGroups
    private let limits: CageLimits
    private let name: String

    private static let counter = Lock<UInt64>(0)

    /// Blocks; throws when a bound is refused, and leaves nothing behind then.
    package convenience init(
        _ groups: ControlGroups,
        limits: CageLimits
    ) throws(CageError) {
        let number = Self.counter.withLock { counter in
            counter += 1
            return counter
        }
        try self.init(groups, limits: limits, name: "\(getpid())-\(number)")
    }

    init(_ groups: ControlGroups, limits: CageLimits, name: String) throws(CageError) {
        self.groups = groups
        self.limits = limits
        self.name = ControlGroups.prefix + name
        do throws(CageError) {
            for (_, folder) in paths {
                guard unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST else {
                    throw .launchFailed(
                        "no control group can be made in \(folder) (errno \(errno))"
                    )
                }
            }
            for bound in Self.bounds(limits, groups.layout) {
                guard let folder = folder(of: bound.controller) else { continue }
                let path = folder + "/" + bound.file
                if bound.isOptional, HostPath.status(path) == nil { continue }
                guard ControlFile.write(bound.value, to: path) else {
                    throw .launchFailed("the bound \(path) was refused (errno \(errno))")
                }
            }
        } catch {
            remove()
            throw error
        }
    }

    private var paths: [(controllers: [ControlGroups.Controller], folder: String)] {
        groups.folders.map { ($0.controllers, $0.folder + "/" + name) }
    }

    func folder(of controller: ControlGroups.Controller) -> String? {
        paths.first { $0.controllers.contains(controller) }?.folder
    }

    struct Bound: Equatable {
        let controller: ControlGroups.Controller
        let file: String
        let value: String
        /// Left out where the kernel was built without it.
        var isOptional = false
    }

    /// What is written where; the order matters: with v1 memory is bounded before memory and swap.
    static func bounds(_ limits: CageLimits, _ layout: ControlGroups.Layout) -> [Bound] {
        let memory = String(limits.memoryByteCount)
        // bubblewrap's two processes and PID 1 are in it too.
        let processes = String(limits.processCount + 4)
        let quota = String(max(1000, limits.processorThousandths * 100))
        switch layout {
        case .unified(_, let boundsProcessor):
            let rest = [
                Bound(controller: .memory, file: "memory.max", value: memory),
                Bound(
                    controller: .memory,
                    file: "memory.swap.max",
                    value: "0",
                    isOptional: true
                ),
                Bound(controller: .memory, file: "memory.oom.group", value: "1", isOptional: true),
                Bound(controller: .pids, file: "pids.max", value: processes),
            ]
            return boundsProcessor
                ? rest + [Bound(controller: .cpu, file: "cpu.max", value: quota + " 100000")] : rest
        case .separate:
            return [
                Bound(controller: .memory, file: "memory.limit_in_bytes", value: memory),
                Bound(
                    controller: .memory,
                    file: "memory.memsw.limit_in_bytes",
                    value: memory,
                    isOptional: true
                ),
                Bound(controller: .pids, file: "pids.max", value: processes),
                Bound(controller: .cpu, file: "cpu.cfs_period_us", value: "100000"),
                Bound(controller: .cpu, file: "cpu.cfs_quota_us", value: quota),
            ]
        }
    }

    /// Gives each open file that a process writes `0` to in order to join.
    func openEntrances(_ take: (consuming Descriptor) -> Void) throws(CageError) {
        for (_, folder) in paths {
            let path = folder + "/cgroup.procs"
            let number = unsafe open(path, O_WRONLY | O_CLOEXEC)
            guard number >= 0 else {
                throw .launchFailed("\(path) cannot be opened (errno \(errno))")
            }
            take(Descriptor(adopting: number))
        }
    }

    /// Why the kernel ended something in it; nil when it did not.
    package var reason: String? {
        guard let folder = folder(of: .memory) else { return nil }
        let file =
            switch groups.layout {
            case .unified: folder + "/memory.events"
            case .separate: folder + "/memory.oom_control"
            }
        guard let kills = ControlFile.number("oom_kill", in: file), kills > 0 else { return nil }
        return "it used more than \(limits.memoryByteCount >> 20) MiB of memory (`memory`)"
    }

    /// A process that is still in one of them, or nil; blocks.
    package var remainingProcess: Int32? {
        paths.lazy.compactMap { ControlFile.number(in: $0.folder + "/cgroup.procs") }.first
            .flatMap { Int32(exactly: $0) }
    }

    /// False while a process is still in one of them.
    @discardableResult
    package func remove() -> Bool {
        var isGone = true
        for (_, folder) in paths where unsafe rmdir(folder) != 0 && errno != ENOENT {
            isGone = false
        }
        return isGone
    }

    /// Waits at most that long for the kernel to take down what it ended; blocks.
    @discardableResult
    package func remove(within limit: Duration) -> Bool {
        let end = SystemClock().instant.advanced(by: limit)
        while !remove() {
            guard SystemClock().instant < end else { return false }
            Process.pause(.milliseconds(5))
        }
        return true
    }

    deinit { remove() }
}
