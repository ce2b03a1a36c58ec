package import Base
private import Glibc

/// How the folders of one server are shown, so that nothing denied is there; kept from start to start.
///
/// A folder that is as it was is not looked through again. Everything here blocks.
package final class HiddenFolders: Sendable, Equatable {
    package let rules: HidingRules
    /// A folder of ours, on a file system that overlayfs takes as a layer.
    private let place: String
    /// Where changes to writable folders are kept; nil keeps none.
    private let changesPlace: String?
    /// Whether an overlay can be laid over that very source.
    package let overlayTrial: @Sendable (CagePlan.Source) -> Trial
    private let limits: HidingLimits
    private let literalNames: [[UInt8]]
    private let state = Lock(State())

    private struct State {
        /// The last look through each folder, and what was made of it where a layer was needed.
        var scans: [String: FolderScan] = [:]
        var known: [String: Known] = [:]
        /// Layers that were replaced; one is removed when no cage holds it any more.
        var replaced: [(folder: String, layer: WeakLayer)] = []
        /// What the last start had a copy of, by where the server sees it.
        var copies: [String: KeptChanges] = [:]
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

    /// The copy a server writes to in the place of a folder, since its last start; nil for none.
    package func copy(shownAt inside: String) -> KeptChanges? {
        state.withLock { $0.copies[HostPath.normalised(inside) ?? inside] }
    }

    /// - Parameters:
    ///   - place: where layers are made; nobody else makes anything there.
    ///   - changes: where changes to writable folders are kept, of this server alone; made when needed.
    ///   - overlayTrial: asked for each source with something to hide: not every file system takes one.
    package init(
        _ rules: HidingRules,
        place: String,
        changes: String? = nil,
        limits: HidingLimits = HidingLimits(),
        overlayTrial: @escaping @Sendable (CagePlan.Source) -> Trial = { _ in .works }
    ) {
        self.rules = rules
        self.place = place
        changesPlace = changes
        self.limits = limits
        self.overlayTrial = overlayTrial
        literalNames = rules.literalNames.prefix(limits.literalNameCount).map { Array($0.utf8) }
    }

    /// What a process before this one left in a place.
    package static func leftovers(in place: String) -> [String] {
        HostPath.names(in: place, limit: .max).map { "\(place)/\($0)" }
    }

    /// Removes leftovers, when no start waits for it: ext4 takes no inode that was freed in the last
    /// seconds, and making 2,200 folders right after removing as many took it half a second.
    package static func remove(_ leftovers: [String]) {
        for folder in leftovers { HiddenLayer.remove(folder) }
    }

    package static func == (left: HiddenFolders, right: HiddenFolders) -> Bool { left === right }

    /// The same folders, each with how it is to be shown.
    ///
    /// - Parameters:
    ///   - overlay: whether something can be laid over any folder on this machine.
    ///   - needsOverlay: whether a folder over which nothing can be laid is refused.
    ///   - reader: the user the server is, where that is not this process's.
    func showing(
        _ sources: [CagePlan.Source],
        overlay: Trial = .works,
        needsOverlay: Bool = false,
        reader: ComposedFolder.Reader? = nil
    ) throws(CageError) -> (sources: [CagePlan.Source], denied: DeniedFiles) {
        guard !sources.isEmpty else { return (sources, DeniedFiles(files: [])) }
        // Two starts at once (a proof beside the server) look one after the other.
        let result = state.withLock { state in
            Result { () throws(CageError) in
                try showing(sources, overlay, needsOverlay, reader, &state)
            }
        }
        return try result.get()
    }

    private func showing(
        _ sources: [CagePlan.Source],
        _ overlay: Trial,
        _ needsOverlay: Bool,
        _ reader: ComposedFolder.Reader?,
        _ state: inout State
    ) throws(CageError) -> (sources: [CagePlan.Source], denied: DeniedFiles) {
        var scans: [(FolderScan, isNew: Bool)] = []
        for source in sources {
            let key = Self.key(source)
            let found = try scan(source, state.scans[key])
            state.scans[key] = found.0
            scans.append(found)
        }
        state.lookCount += scans.count { $0.isNew }
        // A denied file may have another name in another folder of the same server.
        let files = scans.reduce(into: Set<TreeEntry.Identity>()) { $0.formUnion($1.0.hiddenFiles) }
        var shown: [CagePlan.Source] = []
        for (source, (scan, _)) in zip(sources, scans) {
            let hidden = scan.concluded(with: files, roots: [source.outside, source.inside])
            var source = source
            let first = hidden.keys.min { $0.lexicographicallyPrecedes($1) }
            if let first, let problem = try problem(of: source, overlay) {
                guard !needsOverlay else {
                    throw Self.cannotHide(source, first, problem + Self.unneeding)
                }
                let folder = try composed(
                    source,
                    scan,
                    hidden,
                    files,
                    for: reader,
                    problem,
                    example: first
                )
                source.view = .composed(folder)
                shown.append(source)
                continue
            }
            let kept = changesPlace.map { KeptChanges(of: source, in: $0) }
            // What was kept is shown until somebody settled it, even when there is nothing to hide now.
            let isCopied = source.isWritable && (first != nil || kept?.isEmpty == false)
            // An overlay does not see that a file it has looked up was replaced below: a folder with
            // nothing to hide is shown itself.
            state.copies[source.inside] = nil
            if isCopied, first == nil { try Self.checkTried(overlay, source) }
            if overlay == .works, isCopied || first != nil {
                let layer = try layer(for: source, scan, hidden, &state)
                source.view = .hiding(layer)
                if isCopied, let kept {
                    try prepare(kept, for: source)
                    source.view = .copying(layer, kept)
                    state.copies[source.inside] = kept
                }
            }
            shown.append(source)
        }
        sweep(&state)
        let denied = zip(sources, scans).map { (source: $0, files: $1.0.deniedFiles) }
        return (shown, DeniedFiles(files: denied))
    }

    private static func cannotHide(
        _ source: CagePlan.Source,
        _ example: [UInt8],
        _ reason: String
    ) -> CageError {
        .cannotHide(
            source.outside,
            example: String(decoding: example, as: UTF8.self),
            reason: reason
        )
    }

    private static let unneeding =
        "; to have what may be seen of it shown entry by entry, write a `minimum` without `overlay`"

    /// What may be seen of a folder, where nothing can be laid over it.
    private func composed(
        _ source: CagePlan.Source,
        _ scan: FolderScan,
        _ hidden: [[UInt8]: FolderScan.Reason],
        _ files: Set<TreeEntry.Identity>,
        for reader: ComposedFolder.Reader?,
        _ problem: String,
        example: [UInt8]
    ) throws(CageError) -> ComposedFolder {
        func failure(_ reason: String) -> CageError {
            Self.cannotHide(source, example, "\(problem); \(reason)")
        }
        guard !source.isWritable else {
            throw failure("only folders of `read` can be shown entry by entry instead")
        }
        let root = try TreeFolder.of(source)
        do throws(ComposedFolder.Failure) {
            return try ComposedFolder(
                source,
                root,
                scan,
                hiding: hidden,
                files: files,
                for: reader,
                limit: limits.composedCount
            )
        } catch {
            switch error {
            case .tooManyEntries(let limit):
                throw failure(
                    "and to show it entry by entry would take more than \(limit) mounts: "
                        + "give the folders beside what is denied as places of their own"
                )
            case .unreadable(let code): throw failure("it cannot be listed (errno \(code))")
            }
        }
    }

    /// Why nothing can be laid over a source; throws where nobody could tell.
    private func problem(
        of source: CagePlan.Source,
        _ overlay: Trial
    ) throws(CageError) -> String? {
        var trial = overlay
        if trial == .works {
            if let problem = lackOfPlace(source) { return problem }
            trial = overlayTrial(source)
        }
        try Self.checkTried(trial, source)
        guard case .impossible(let reason) = trial else { return nil }
        return reason
    }

    private static func checkTried(
        _ trial: Trial,
        _ source: CagePlan.Source
    ) throws(CageError) {
        if case .untried(let reason) = trial {
            throw .hidingUntried(source.outside, reason: reason)
        }
    }

    private func lackOfPlace(_ source: CagePlan.Source) -> String? {
        source.isWritable && changesPlace == nil ? "it is writable, and no changes are kept" : nil
    }

    private func prepare(
        _ kept: KeptChanges,
        for source: CagePlan.Source
    ) throws(CageError) {
        let root = try TreeFolder.of(source)
        do throws(TreeFolder.Failure) {
            if let changesPlace { try Self.makeFolders(changesPlace) }
            try kept.prepare(like: root)
        } catch {
            throw .hidingFailed(source.outside, code: error.code, place: changesPlace ?? place)
        }
    }

    private static func makeFolders(_ path: String) throws(TreeFolder.Failure) {
        guard HostPath.status(path) == nil else { return }
        try makeFolders(HostPath.parent(of: path))
        guard unsafe mkdir(path, 0o755) == 0 else { throw TreeFolder.Failure(code: errno) }
    }

    // MARK: Changes

    /// What was changed in those folders of a plan that are copied on write.
    package func changes(
        in plan: CagePlan,
        hashing: any Hashing
    ) throws(ChangeFailure) -> [(folder: KeptChanges, list: ChangeList)] {
        var found: [(folder: KeptChanges, list: ChangeList)] = []
        for source in plan.sources {
            guard case .copying(_, let kept) = source.view else { continue }
            found.append((kept, try kept.list(hashing: hashing, isHidden: hides(source))))
        }
        return found
    }

    /// Makes them in the folders themselves, where they are still what was shown, or forgets them.
    ///
    /// No cage may be using them.
    package func settle(
        _ plan: CagePlan,
        committing shown: [Digest]?,
        hashing: any Hashing
    ) throws(ChangeFailure) {
        guard let shown else {
            // Nothing is read first: what cannot be listed can be dropped.
            for case .copying(_, let kept) in plan.sources.map(\.view) { kept.drop() }
            return
        }
        let found = try changes(in: plan, hashing: hashing)
        guard found.map(\.list.digest) == shown else { throw .stale }
        for source in plan.sources {
            guard case .copying(_, let kept) = source.view else { continue }
            guard let list = found.first(where: { $0.folder == kept })?.list else { continue }
            try kept.commit(list, isHidden: hides(source))
        }
    }

    private func hides(_ source: CagePlan.Source) -> (_ name: [UInt8], _ path: [UInt8]) -> Bool {
        let denies = rules.denies([source.outside, source.inside])
        let hidden = state.withLock { $0.known[Self.key(source)]?.hidden ?? [:] }
        return { hidden[$1] != nil || denies($0, $1) }
    }

    private static func key(_ source: CagePlan.Source) -> String {
        "\(source.inside)\0\(source.outside)"
    }

    private func scan(
        _ source: CagePlan.Source,
        _ known: FolderScan?
    ) throws(CageError) -> (FolderScan, isNew: Bool) {
        let root = try TreeFolder.of(source)
        if let known, known.isUnchanged(root) { return (known, false) }
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

    private func layer(
        for source: CagePlan.Source,
        _ scan: FolderScan,
        _ hidden: [[UInt8]: FolderScan.Reason],
        _ state: inout State
    ) throws(CageError) -> HiddenLayer {
        let key = Self.key(source)
        if let known = state.known[key], known.hidden == hidden,
            known.scan.folders.hasSameLayer(as: scan.folders)
        {
            state.known[key] = Known(scan: scan, hidden: hidden, layer: known.layer)
            return known.layer
        }
        let name = String(UInt64.random(in: 0 ... .max), radix: 36)
        let root = try TreeFolder.of(source)
        do throws(TreeFolder.Failure) {
            let layer = try HiddenLayer(
                in: "\(place)/\(name)",
                over: root,
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
            .lookTookTooLong(folder, limitInMilliseconds: limits.time.milliseconds)
        case .mountInside(let path):
            .mountInside(folder, String(decoding: path, as: UTF8.self))
        case .unreadable(let code):
            .sourceMissing(folder, reason: "it cannot be looked through (errno \(code))")
        }
    }
}
