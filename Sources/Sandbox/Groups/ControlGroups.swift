import Base
private import Glibc
private import System

/// Where this process may make control groups: a delegated folder of cgroup v2, or the controllers'
/// own hierarchies of v1, which only root may use.
package struct ControlGroups: Sendable, Equatable {
    package enum Controller: String, Sendable, CaseIterable { case memory, pids, cpu }

    package enum Layout: Sendable, Equatable {
        /// cgroup v2: one folder for every controller; `boundsProcessor` says whether cpu is delegated.
        case unified(folder: String, boundsProcessor: Bool)
        /// cgroup v1: a folder for each of them.
        case separate([Controller: String])
    }

    /// Why there are none, ending in what to do.
    package struct Missing: Error, Sendable, Equatable {
        package let reason: String
        /// Whether the next look may find them.
        package var mayPass = false
    }

    package let layout: Layout

    package static let prefix = "gatehouse-"

    /// Folders in which this gateway makes one group for each start.
    var folders: [(controllers: [Controller], folder: String)] {
        switch layout {
        case .unified(let folder, _): [(Controller.allCases, folder)]
        case .separate(let folders):
            folders.sorted { $0.key.rawValue < $1.key.rawValue }.map { ([$0.key], $0.value) }
        }
    }

    package var words: String {
        switch layout {
        case .unified(let folder, let boundsProcessor):
            "cgroup v2 in \(folder)"
                + (boundsProcessor ? "" : ", without cpu, which is not delegated")
        case .separate: "cgroup v1 (memory, pids, cpu)"
        }
    }

    /// Finds a place and tries it; blocks.
    ///
    /// With v2 it moves this process into a group of its own below, because a group with processes in it cannot bound others.
    package static func find(isRoot: Bool) throws(Missing) -> Self {
        let mounts = HostPath.beginning(of: "/proc/self/mountinfo", limit: 1 << 20) ?? []
        let own = HostPath.beginning(of: "/proc/self/cgroup", limit: 1 << 16) ?? []
        let places = GroupPlaces(
            mounts: String(decoding: mounts, as: UTF8.self),
            own: String(decoding: own, as: UTF8.self)
        )
        let groups = try Self(places, isRoot: isRoot)
        do {
            // Tried with bounds, because a folder that can be made may still not be told any.
            let trial = try CageGroup(groups, limits: CageLimits(), name: "trial-\(getpid())")
            guard trial.remove(within: Limits.groupEnd) else {
                throw Missing(reason: "a control group could be made and not removed")
            }
        } catch let error as CageError {
            throw Missing(
                reason: "a trial group was refused: \(error); "
                    + (isRoot
                        ? "mount /sys/fs/cgroup for writing, or start the gateway outside a container"
                        : "start the gateway with `systemd-run --user --scope -p Delegate=yes`")
            )
        } catch let missing as Missing {
            throw missing
        } catch {
            throw Missing(reason: "\(error)")
        }
        groups.sweep()
        return groups
    }

    package init(layout: Layout) { self.layout = layout }

    private init(_ places: GroupPlaces, isRoot: Bool) throws(Missing) {
        if let folder = places.unified, let layout = try Self.delegated(folder) {
            self.layout = layout
            return
        }
        let folders = places.separate
        guard Controller.allCases.allSatisfy({ folders[$0] != nil }) else {
            throw Missing(
                reason: places.unified == nil && folders.isEmpty
                    ? "no control groups are mounted; mount cgroup2 on /sys/fs/cgroup"
                    : "memory and pids are not delegated to this process; start the gateway as a "
                        + "systemd unit with `Delegate=cpu memory pids`, or with `systemd-run --user "
                        + "--scope -p Delegate=yes`"
            )
        }
        guard isRoot else {
            throw Missing(
                reason: "this machine has cgroup v1, which only root may use; start the gateway as "
                    + "root, or boot with systemd.unified_cgroup_hierarchy=1"
            )
        }
        layout = .separate(folders)
    }

    /// Nil where v2 has not the controllers here, so that v1 may be looked at.
    static func delegated(_ own: String) throws(Missing) -> Layout? {
        let known = words(own + "/cgroup.controllers")
        guard known.contains("memory"), known.contains("pids") else { return nil }
        // A gateway that was started anew in its own group finds the delegated one above.
        let isInside = HostPath.name(of: own) == supervisor
        let folder = isInside ? HostPath.parent(of: own) : own
        guard unsafe access(folder + "/cgroup.subtree_control", W_OK) == 0 else {
            throw Missing(
                reason: "\(folder) is not delegated to this user; start the gateway with "
                    + "`systemd-run --user --scope -p Delegate=yes`"
            )
        }
        let isTop = HostPath.status(folder + "/cgroup.type") == nil
        if !isInside, !isTop {
            let inner = folder + "/" + supervisor
            unsafe mkdir(inner, 0o755)
            guard ControlFile.write(String(getpid()), to: inner + "/cgroup.procs") else {
                throw Missing(
                    reason: "this process could not be moved to \(inner); start the gateway with "
                        + "`systemd-run --user --scope -p Delegate=yes`"
                )
            }
        }
        let control = folder + "/cgroup.subtree_control"
        if let missing = handOn(in: folder) {
            // Back to where it was: others are in there, and nothing is bounded by it.
            if !isInside, !isTop, ControlFile.write(String(getpid()), to: folder + "/cgroup.procs")
            {
                unsafe rmdir(folder + "/" + supervisor)
            }
            throw missing
        }
        let boundsProcessor = known.contains("cpu") && ControlFile.write("+cpu", to: control)
        return .unified(folder: folder, boundsProcessor: boundsProcessor)
    }

    /// Has a group hand memory and pids on; why not, or nil.
    ///
    /// The kernel calls a group busy that has processes in it. Ours are taken along: what was started
    /// before this process left, as a server without a cage or a secret's `command`. Others stay.
    private static func handOn(in folder: String) -> Missing? {
        let end = SystemClock().instant.advanced(by: Limits.groupEnd)
        let aside = folder + "/" + supervisor
        while true {
            let code = ControlFile.put("+memory +pids", to: folder + "/cgroup.subtree_control")
            guard code != 0 else { return nil }
            let inside = HostPath.beginning(of: folder + "/cgroup.procs", limit: 1 << 16) ?? []
            let processes = String(decoding: inside, as: UTF8.self).split(separator: "\n")
                .map { Int32($0) ?? 0 }
            // An empty one has something in it that is only not cleared away yet.
            if code == EBUSY, SystemClock().instant < end, processes.allSatisfy(descendsFromUs) {
                for process in processes {
                    _ = ControlFile.write(String(process), to: aside + "/cgroup.procs")
                }
                Process.pause(.milliseconds(5))
                continue
            }
            return refused(code, in: folder, with: processes)
        }
    }

    static func refused(_ code: Int32, in folder: String, with processes: [Int32]) -> Missing {
        if code == EBUSY, !processes.isEmpty, processes.allSatisfy(descendsFromUs) {
            return Missing(
                reason: "\(folder) cannot bound others while a process of the gateway's is in it",
                mayPass: true
            )
        }
        return Missing(
            reason: "memory and pids cannot be handed on in \(folder), as when other processes "
                + "are in it; start the gateway with `systemd-run --user --scope -p Delegate=yes`"
        )
    }

    /// Whether this process started it, or started what did; a process that is gone is no other's.
    ///
    /// The kernel says 0 for what runs in a namespace above.
    private static func descendsFromUs(_ process: Int32) -> Bool {
        var process = process
        while process > 0, process != getpid() {
            guard let parent = ControlFile.number("PPid:", in: "/proc/\(process)/status") else {
                return true
            }
            process = Int32(clamping: parent)
        }
        return process > 0
    }

    static let supervisor = "gatehouse-supervisor"

    private static func words(_ path: String) -> [Substring] {
        let bytes = HostPath.beginning(of: path, limit: 4096) ?? []
        return String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    }

    /// Removes the groups of gateways that are gone; one with processes in it stays.
    func sweep() {
        for (_, folder) in folders {
            for name in HostPath.names(in: folder) where name.hasPrefix(Self.prefix) {
                let parts = name.split(separator: "-")
                guard parts.count == 3, let process = Int32(parts[1]), kill(process, 0) != 0,
                    errno == ESRCH
                else { continue }
                unsafe rmdir(folder + "/" + name)
            }
        }
    }
}

/// Where the hierarchies are mounted and this process stands in them, from the kernel's two lists.
struct GroupPlaces: Equatable {
    private(set) var unified: String?
    private(set) var separate: [ControlGroups.Controller: String] = [:]

    init(mounts: String, own: String) {
        var ownPaths: [String: String] = [:]
        for line in own.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for name in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                ownPaths[String(name)] = String(parts[2])
            }
        }
        for line in mounts.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), words.count > dash + 3, dash > 4 else {
                continue
            }
            let (root, point, options) = (words[3], words[4], words[dash + 3])
            switch words[dash + 1] {
            case "cgroup2":
                unified = ownPaths[""].flatMap { Self.place($0, below: root, at: point) }
            case "cgroup":
                for name in options.split(separator: ",") {
                    guard let controller = ControlGroups.Controller(rawValue: String(name)) else {
                        continue
                    }
                    separate[controller] = ownPaths[String(name)].flatMap {
                        Self.place($0, below: root, at: point)
                    }
                }
            default: break
            }
        }
    }

    /// Where `own` is found when only what lies below `root` is mounted at `point`.
    private static func place(_ own: String, below root: String, at point: String) -> String? {
        guard let own = HostPath.normalised(own), let root = HostPath.normalised(root),
            HostPath.lies(own, in: root)
        else { return nil }
        let rest = root == "/" ? own : String(own.dropFirst(root.count))
        return rest == "/" || rest.isEmpty ? point : point + rest
    }
}

/// One line written to one of the kernel's control files.
enum ControlFile {
    static func write(_ text: String, to path: String) -> Bool { put(text, to: path) == 0 }

    /// 0, or the kernel's errno.
    static func put(_ text: String, to path: String) -> Int32 {
        let number = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard number >= 0 else { return errno }
        defer { close(number) }
        let bytes = Array(text.utf8)
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.write(number, buffer.baseAddress, buffer.count)
        }
        return count == bytes.count ? 0 : count < 0 ? errno : EIO
    }

    /// The number in the first line of a file; nil where there is none.
    static func number(in path: String) -> UInt64? {
        let bytes = HostPath.beginning(of: path, limit: 64) ?? []
        return UInt64(String(decoding: bytes.prefix { $0 != 0x0a }, as: UTF8.self))
    }

    /// The number after `key` in a file of `key number` lines.
    static func number(_ key: String, in path: String) -> UInt64? {
        let bytes = HostPath.beginning(of: path, limit: 4096) ?? []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count == 2, words[0] == key { return UInt64(words[1]) }
        }
        return nil
    }
}
