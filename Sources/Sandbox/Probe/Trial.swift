import Base
private import Glibc

/// Whether this machine can do something, as far as a trial could tell.
package enum Trial: Sendable, Equatable {
    case works
    /// The kernel says that it cannot; why, ending in what to do.
    case impossible(String)
    /// It could not be tried, which says nothing: neither kept nor read as one of the others.
    case untried(String)
}

extension CageProbe {
    package enum Finding: Sendable, Equatable, CustomStringConvertible {
        case present(String)
        /// Why not, ending in what to do.
        case missing(String)
        /// Why it could not be tried. A cage is not made without it then, and the next start tries again.
        case untried(String)

        package var description: String {
            switch self {
            case .present(let detail): detail
            case .missing(let reason): reason
            case .untried(let reason): "it could not be tried, ask again: \(reason)"
            }
        }

        package var isPresent: Bool {
            if case .present = self { true } else { false }
        }

        package var isUntried: Bool {
            if case .untried = self { true } else { false }
        }
    }
}

/// A trial cage that did not come to its end.
struct TrialFailure: Sendable, Equatable {
    /// For people, ending in what to do.
    let reason: String
    /// What gatehouse-stage or bubblewrap wrote, the last line of it.
    private let said: String
    /// Whether it ended for something that has nothing to do with what was tried.
    private let endedFromOutside: Bool
    /// Whether user namespaces are turned off here: their shortage stays until a person ends it.
    private let hasNoNamespaces: Bool

    init(
        _ reason: String,
        said: String? = nil,
        mayPass: Bool = false,
        hasNoNamespaces: Bool = false
    ) {
        self.reason = reason
        self.hasNoNamespaces = hasNoNamespaces
        self.said = String((said ?? reason).split(separator: "\n").last ?? "")
        endedFromOutside = mayPass
    }

    /// What is short may not be short the next time.
    private static let passing: [(code: Int32, text: String)] = [
        (EINTR, "Interrupted system call"), (EAGAIN, "Resource temporarily unavailable"),
        (ENOMEM, "Cannot allocate memory"), (ENFILE, "Too many open files in system"),
        (EMFILE, "Too many open files"), (ENOSPC, "No space left on device"),
        (EDQUOT, "Disk quota exceeded"), (EBUSY, "Device or resource busy"),
        (ETIMEDOUT, "Connection timed out"),
        // What bubblewrap says where user namespaces are used up.
        (ENOSPC, "(ENOSPC)"),
    ]

    /// What the kernel answers, always, where it takes no overlay or makes no mounts for us.
    private static let refusals: Set<Int32> = [
        EPERM, EACCES, ENODEV, EOPNOTSUPP, EINVAL, ENOSYS,
    ]

    /// What gatehouse-stage does to lay one over a folder, and calls so when the kernel refuses.
    private static let overlaySteps: Set<Substring> = [
        "unshare users", "open a map", "write a map", "unshare", "open_tree", "move_mount",
        "mount /", "mount /tmp", "mount overlay",
    ]

    /// The number after the last `errno`.
    private var code: Int32? {
        guard let at = said.range(ofLast: "errno ") else { return nil }
        return Int32(said[at...].prefix { $0.isASCII && $0.isNumber })
    }

    /// Whether the next trial may end another way.
    var mayPass: Bool {
        if endedFromOutside { return true }
        if hasNoNamespaces, isShortOfRoom { return false }
        // gatehouse-stage and PID 1 give numbers, bubblewrap the words of the C library.
        if let code { return Self.passing.contains { $0.code == code } }
        return Self.passing.contains { said.contains($0.text) }
    }

    private var isShortOfRoom: Bool {
        code == ENOSPC || Self.passing.contains { $0.code == ENOSPC && said.contains($0.text) }
    }

    /// For a layer that is there or not.
    func finding(_ words: (String) -> String = { $0 }) -> CageProbe.Finding {
        mayPass ? .untried(reason) : .missing(words(reason))
    }

    /// For an overlay, in whose place folders may be put together: only what the kernel says of it
    /// makes it impossible.
    var ofOverlay: Trial {
        let words = said.split(separator: ":", maxSplits: 2)
        guard !endedFromOutside, words.count == 3, words[0] == "gatehouse-stage",
            Self.overlaySteps.contains(words[1].dropFirst()), let code,
            Self.refusals.contains(code)
        else { return .untried(reason) }
        return .impossible(reason)
    }
}

extension CageExit {
    /// By a signal that nobody sends to itself: from a person, a shutdown, the kernel short of memory.
    var isEndedFromOutside: Bool {
        switch self {
        // PID 1 of a cage, and bubblewrap, leave as a shell says it: 128 and the signal.
        case .code(let code): code > 128 && Self.sent.contains(Int32(code) - 128)
        case .signal(let number): Self.sent.contains(number)
        }
    }

    private static let sent: Set<Int32> = [SIGKILL, SIGTERM, SIGINT, SIGHUP]
}

extension String {
    /// Where what follows the last `text` begins.
    fileprivate func range(ofLast text: String) -> Index? {
        let last = indices.last { self[$0...].hasPrefix(text) }
        return last.map { index($0, offsetBy: text.count) }
    }
}
