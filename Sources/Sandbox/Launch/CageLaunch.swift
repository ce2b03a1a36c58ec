private import CTree
private import Glibc
package import System

/// Descriptors a child must have under given numbers: the first as 3, the next as 4, and so on.
package struct PassedDescriptors: ~Copyable, Sendable {
    package static let firstNumber: CInt = 3
    /// In the order of the child's numbers; each is closed on exec in this process.
    package private(set) var numbers: [CInt] = []

    deinit {
        for number in numbers { _ = Descriptor(adopting: number) }
    }

    /// Takes `descriptor` over and returns the number it will have in the child.
    mutating func add(_ descriptor: consuming Descriptor) -> CInt {
        numbers.append(descriptor.release())
        return Self.firstNumber + CInt(clamping: numbers.count - 1)
    }

    /// Puts another in the place of the one the child will see as `number`.
    mutating func replace(_ number: CInt, with descriptor: consuming Descriptor) {
        let index = Int(number - Self.firstNumber)
        guard numbers.indices.contains(index) else { return }
        _ = Descriptor(adopting: numbers[index])
        numbers[index] = descriptor.release()
    }
}

/// One start of a cage: what to execute and the descriptors it needs, opened and checked.
///
/// Standard input, output and error are the caller's to add as 0, 1 and 2.
package struct CageLaunch: ~Copyable, Sendable {
    /// bubblewrap, which becomes the server's outermost process; as root first gatehouse-stage, which
    /// becomes the server's user and then bubblewrap.
    ///
    /// It is to be started with an empty environment, and from a thread that lives as long as the
    /// server may: the kernel kills the cage when the thread that made it ends (PR_SET_PDEATHSIG).
    package let executable: String
    /// With the program's own name as the first.
    package let arguments: [String]
    package let passed: PassedDescriptors
    /// Our end of init's control socket, nonblocking: it brings `CageReport`s of 16 bytes and takes
    /// commands; closing it kills the cage.
    package let control: Descriptor
    /// What bounds the tree; nil where this machine has no control groups for us.
    package let group: CageGroup?
    /// What is shown at its own path, the program's files and its code, by that path: numbers in this
    /// process, good while this lives.
    package let shown: [String: CInt]

    /// Opens everything `plan` names; blocks, and throws when a source is not what was checked.
    package init(_ plan: CagePlan, tools: CageTools) throws(CageError) {
        let filters = tools.filters(of: plan)
        let words = BubblewrapArguments(
            plan,
            filters: filters,
            host: tools.host,
            captures: tools.capturesNetwork
        )
        try self.init(plan, tools: tools, words: words)
    }

    /// The words are given apart so that a test can leave a layer out and see PID 1 refuse.
    init(
        _ plan: CagePlan,
        tools: CageTools,
        words: BubblewrapArguments
    ) throws(CageError) {
        var passed = PassedDescriptors()
        let ours = try Self.control(&passed)
        let group: CageGroup? =
            if let groups = tools.groups { try CageGroup(groups, limits: plan.limits) } else { nil }
        let block = InitProtocol.launchBlock(
            plan,
            landlock: LandlockRules(plan, tools),
            boundsData: group == nil,
            opensProxy: plan.network == .egress && !tools.capturesNetwork
        )
        _ = passed.add(try Self.sealed("launch", block))
        // Its place is taken first, so that the numbers in the arguments are known.
        let argumentsNumber = passed.add(try Self.sealed("arguments", []))
        var texts: [UInt8] = []
        var staged: [String] = []
        var shown: [String: CInt] = [:]
        for word in words.words {
            let first = passed.numbers.count
            switch word {
            case .text(let text): texts += text.utf8
            case .descriptor(let content):
                texts += String(passed.add(try Self.open(content))).utf8
            case .staged(let source):
                texts += "/tmp/\(staged.count)".utf8
                staged.append(try Self.stage(source, &passed))
            }
            texts.append(0)
            // The program's files come last, and lie over the code.
            if let source = word.source, source.inside == source.outside {
                shown[source.outside] = passed.numbers[first]
            }
        }
        // As late as can be: what is shown is open, and is mounted next.
        try plan.denied?.check()
        passed.replace(argumentsNumber, with: try Self.sealed("arguments", texts))
        let bubblewrap = [
            "bwrap", "--args", String(argumentsNumber), "--", BubblewrapArguments.initPath,
        ]
        var entrances: [String] = []
        try group?.openEntrances { entrances.append(String(passed.add($0))) }
        // Root has to become the server's user, whoever has groups has to join them first, and a way
        // out has its network made before bubblewrap gives rights up.
        var user: (uid: UInt32, gid: UInt32)?
        if case .own(let uid, let gid) = plan.identity { user = (uid, gid) }
        let ports = plan.capturedPorts(tools).map { String($0) }
        if user != nil || group != nil || !staged.isEmpty || !ports.isEmpty {
            let stage = passed.add(try Self.sealed("gatehouse-stage", InitProtocol.stageImage))
            executable = "/proc/self/fd/\(stage)"
            arguments =
                [
                    "gatehouse-stage", String(user?.uid ?? 0), String(user?.gid ?? 0),
                    staged.joined(separator: ","), entrances.joined(separator: ","),
                    ports.joined(separator: ","), tools.bubblewrap,
                ] + bubblewrap
        } else {
            executable = tools.bubblewrap
            arguments = bubblewrap
        }
        self.group = group
        self.shown = shown
        self.passed = passed
        control = ours
    }

    private static func control(
        _ passed: inout PassedDescriptors
    ) throws(CageError) -> Descriptor {
        do {
            let pair = try SocketPair(keepsMessages: true)
            _ = passed.add(try pair.second.duplicate())
            let ours = try pair.first.duplicate()
            try ours.setNonblocking()
            return ours
        } catch {
            throw .launchFailed("\(error)")
        }
    }

    /// A source in gatehouse-stage's words: its descriptors.
    private static func stage(
        _ source: CagePlan.Source,
        _ passed: inout PassedDescriptors
    ) throws(CageError) -> String {
        var numbers = [String(passed.add(try open(.source(source))))]
        switch source.view {
        // A composed one is never mounted itself: what is shown of it is whole.
        case .whole, .composed: break
        case .hiding(let layer): numbers.append(String(passed.add(try open(layer.tree))))
        case .copying(let layer, let changes):
            numbers.append(String(passed.add(try open(layer.tree))))
            numbers.append(String(passed.add(try open(changes.slot))))
        }
        return numbers.joined(separator: "+")
    }

    /// A path of our own.
    private static func open(_ path: String) throws(CageError) -> Descriptor {
        let number = unsafe ctree_open_path(AT_FDCWD, path)
        guard number >= 0 else {
            throw .launchFailed("`\(path)` could not be opened (errno \(-number))")
        }
        return Descriptor(adopting: number)
    }

    private static func open(
        _ content: BubblewrapArguments.Content
    ) throws(CageError) -> Descriptor {
        switch content {
        case .bytes(let name, let bytes): return try sealed(name, bytes)
        case .source(let source):
            let number = unsafe ctree_open_path(AT_FDCWD, source.outside)
            guard number >= 0 else {
                throw .sourceMissing(
                    source.outside,
                    reason: "it could not be opened (errno \(-number)); it may have been moved"
                )
            }
            let descriptor = Descriptor(adopting: number)
            let facts = try? FileFacts(descriptor)
            guard facts?.device == source.device, facts?.inode == source.inode else {
                throw .sourceReplaced(source.outside)
            }
            return descriptor
        }
    }

    private static func sealed(
        _ name: String,
        _ bytes: [UInt8]
    ) throws(CageError) -> Descriptor {
        do throws(SystemError) { return try Descriptor.sealedMemory(name, bytes) } catch {
            throw .launchFailed("no file in memory could be made: \(error)")
        }
    }
}
