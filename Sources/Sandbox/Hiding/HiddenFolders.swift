import Base
private import Glibc

/// How the folders of one server are shown, so that nothing denied is there; kept from start to start.
///
/// A folder that is as it was is not looked through again. Everything here blocks.
package final class HiddenFolders: Sendable, Equatable {
    package let rules: HidingRules
    /// A folder of ours, on a file system that overlayfs takes as a layer.
    private let place: String
    private let limits: HidingLimits
    private let literalNames: [[UInt8]]
    private let state = Lock(State())

    private struct State {
        var known: [String: Known] = [:]
        /// Layers that were replaced; one is removed when no cage holds it any more.
        var replaced: [(folder: String, layer: WeakLayer)] = []
        var lookCount = 0
    }

    private struct Known {
        let scan: FolderScan
        let hidden: [[UInt8]: FolderScan.Reason]
        let layer: HiddenLayer
    }

    private struct WeakLayer { weak var layer: HiddenLayer? }

    /// How often a folder was looked through, and not found as it was.
    package var lookCount: Int { state.withLock { $0.lookCount } }

    /// - Parameter place: where layers are made; nobody else makes anything there.
    package init(_ rules: HidingRules, place: String, limits: HidingLimits = HidingLimits()) {
        self.rules = rules
        self.place = place
        self.limits = limits
        literalNames = rules.literalNames.prefix(limits.literalNameCount).map { Array($0.utf8) }
    }

    /// Removes what a process before this one left in a place.
    package static func clear(_ place: String) {
        for name in HostPath.names(in: place, limit: .max) {
            HiddenLayer.remove("\(place)/\(name)")
        }
    }

    package static func == (left: HiddenFolders, right: HiddenFolders) -> Bool { left === right }

    /// The same folders, each with how it is to be shown.
    ///
    /// - Parameter problem: why nothing can be hidden on this machine.
    func showing(
        _ sources: [CagePlan.Source],
        problem: String? = nil
    ) throws(CageError) -> [CagePlan.Source] {
        guard !sources.isEmpty else { return sources }
        // Two starts at once (a proof beside the server) look one after the other.
        let result = state.withLock { state in
            Result { () throws(CageError) in try showing(sources, problem, &state) }
        }
        return try result.get()
    }

    private func showing(
        _ sources: [CagePlan.Source],
        _ problem: String?,
        _ state: inout State
    ) throws(CageError) -> [CagePlan.Source] {
        var scans: [(FolderScan, isNew: Bool)] = []
        for source in sources { scans.append(try scan(source, state.known[Self.key(source)])) }
        state.lookCount += scans.count { $0.isNew }
        // A denied file may have another name in another folder of the same server.
        let files = scans.reduce(into: Set<TreeEntry.Identity>()) { $0.formUnion($1.0.hiddenFiles) }
        var shown: [CagePlan.Source] = []
        for (source, (scan, isNew)) in zip(sources, scans) {
            let hidden = scan.concluded(with: files, roots: [source.outside, source.inside])
            var source = source
            let first = hidden.keys.min { $0.lexicographicallyPrecedes($1) }
            if let first, let problem = problem ?? (source.isWritable ? "it is writable" : nil) {
                throw .cannotHide(
                    source.outside,
                    example: String(decoding: first, as: UTF8.self),
                    reason: problem
                )
            }
            if !source.isWritable, problem == nil {
                source.view = .hiding(try layer(for: source, scan, hidden, isNew: isNew, &state))
            }
            shown.append(source)
        }
        sweep(&state)
        return shown
    }

    private static func key(_ source: CagePlan.Source) -> String {
        "\(source.inside)\0\(source.outside)"
    }

    private func scan(
        _ source: CagePlan.Source,
        _ known: Known?
    ) throws(CageError) -> (FolderScan, isNew: Bool) {
        let root = try root(of: source)
        if let known, known.scan.isUnchanged(root) { return (known.scan, false) }
        do throws(FolderScan.Failure) {
            let scan = try FolderScan(
                root,
                roots: [source.outside, source.inside],
                rules: rules,
                limits: limits
            )
            return (scan, true)
        } catch {
            throw error.cageError(source.outside, limits)
        }
    }

    private func root(of source: CagePlan.Source) throws(CageError) -> TreeFolder {
        do throws(TreeFolder.Failure) {
            return try TreeFolder(source.outside)
        } catch {
            throw .sourceMissing(
                source.outside,
                reason: "it cannot be looked through (errno \(error.code))"
            )
        }
    }

    private func layer(
        for source: CagePlan.Source,
        _ scan: FolderScan,
        _ hidden: [[UInt8]: FolderScan.Reason],
        isNew: Bool,
        _ state: inout State
    ) throws(CageError) -> HiddenLayer {
        let key = Self.key(source)
        if let known = state.known[key], known.hidden == hidden,
            !isNew || known.scan.folders.hasSameLayer(as: scan.folders)
        {
            state.known[key] = Known(scan: scan, hidden: hidden, layer: known.layer)
            return known.layer
        }
        let name = String(UInt64.random(in: 0 ... .max), radix: 36)
        do throws(TreeFolder.Failure) {
            let layer = try HiddenLayer(
                in: "\(place)/\(name)",
                over: try TreeFolder(source.outside),
                scan,
                hiding: hidden,
                literalNames: literalNames
            )
            if let old = state.known[key]?.layer {
                state.replaced.append((old.folder, WeakLayer(layer: old)))
            }
            state.known[key] = Known(scan: scan, hidden: hidden, layer: layer)
            return layer
        } catch {
            if error.code == ETIMEDOUT {
                throw FolderScan.Failure.tookTooLong.cageError(source.outside, limits)
            }
            throw .hidingFailed(source.outside, code: error.code, place: place)
        }
    }

    private func sweep(_ state: inout State) {
        state.replaced.removeAll { folder, held in
            guard held.layer == nil else { return false }
            HiddenLayer.remove(folder)
            return true
        }
    }
}

extension [FolderScan.Folder] {
    /// Whether a layer made over one would be as good over the other.
    fileprivate func hasSameLayer(as other: Self) -> Bool {
        let (mine, theirs) = (filter { !$0.isHidden }, other.filter { !$0.isHidden })
        return mine.elementsEqual(theirs) { left, right in
            left.path == right.path && left.entry.mode == right.entry.mode
                && left.entry.owner == right.entry.owner && left.entry.group == right.entry.group
        }
    }
}

extension FolderScan.Failure {
    fileprivate func cageError(_ folder: String, _ limits: HidingLimits) -> CageError {
        switch self {
        case .tooManyEntries: .tooMuchToHide(folder, limit: "\(limits.entryCount) entries")
        case .tookTooLong:
            .tooMuchToHide(folder, limit: "can be looked through in \(limits.time.milliseconds) ms")
        case .mountInside(let path):
            .mountInside(folder, String(decoding: path, as: UTF8.self))
        case .unreadable(let code):
            .sourceMissing(folder, reason: "it cannot be looked through (errno \(code))")
        }
    }
}
