import Base

/// Why a server cannot be caged, in words for the person who wrote its configuration.
package enum CageError: Error, Equatable, Sendable, CustomStringConvertible {
    case emptyCommand
    case textNotUsable(what: String, reason: String)
    case tooMany(what: String, limit: Int)
    case commandNotFound(String, searched: [String])
    case notExecutable(String, reason: String)
    case interpreterNotFound(script: String, interpreter: String)
    case versionShim(String)
    case downloader(String)
    case containerEngine(String)
    case sourceMissing(String, reason: String)
    /// Another one stands there than was checked.
    case sourceReplaced(String)
    /// What is denied in a folder is not as it was when the folder was looked through.
    case changedSinceLook(String, String)
    case notAFolder(String)
    case insideNotUsable(String, reason: String)
    case foldersOverlap(String, String)
    case codeIsWritable(code: String, folder: String)
    case protected(source: String, protected: String)
    case linkInTheWay(link: String, target: String)
    case notReachable(String, uid: UInt32, need: String)
    case runsAsRoot
    case cannotSwitchUser
    case layersMissing([CageLayer], reasons: [String])
    /// A server with a T3 tool or with folders, a start without the layers such a server needs.
    case minimumNotWritten([CageLayer], reasons: [String])
    /// It could not be found out whether the machine has these.
    case layersUntried([CageLayer], reasons: [String])
    case launchFailed(String)
    case mountInside(String, String)
    case tooMuchToHide(String, limit: String)
    /// It was not looked through, or not hidden, in time: so large, or on a machine so busy.
    case lookTookTooLong(String, limitInMilliseconds: Int64)
    case hidingFailed(String, code: Int32, place: String)
    /// This machine has no overlayfs for us, and there is something in the folder to hide.
    case cannotHide(String, example: String, reason: String)
    /// It could not be found out whether it can be hidden.
    case hidingUntried(String, reason: String)
    /// What the cage holds cannot be said to an OCI runtime.
    case notBundled(String)

    /// Whether the same start may go well later, with nothing changed.
    package var mayPass: Bool {
        switch self {
        case .launchFailed, .layersUntried, .hidingUntried, .sourceReplaced, .changedSinceLook,
            .lookTookTooLong:
            true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .emptyCommand:
            "the server has no command; name a program and its arguments"
        case .textNotUsable(let what, let reason):
            "\(what) \(reason)"
        case .tooMany(let what, let limit):
            "there are more than \(limit) \(what); use fewer"
        case .commandNotFound(let name, let searched):
            "command `\(printable(name))` was not found in \(searched.joined(separator: ", ")); "
                + "write its path or install it"
        case .notExecutable(let path, let reason):
            "`\(printable(path))` cannot be executed: \(reason)"
        case .interpreterNotFound(let script, let interpreter):
            "`\(printable(script))` needs `\(printable(interpreter))`, which was not found; "
                + "install it or name the interpreter in `command`"
        case .versionShim(let path):
            "`\(printable(path))` is a shim of a version manager, which does not work in a cage; "
                + "write the path of the real program"
        case .downloader(let name):
            "`\(printable(name))` downloads the server when it starts, which a cage without network "
                + "cannot; install the server once and write the path of its program"
        case .containerEngine(let name):
            "`\(printable(name))` starts the server outside of any cage of ours; install the server "
                + "itself and write the path of its program"
        case .sourceMissing(let path, let reason):
            "`\(printable(path))` cannot be shown in the cage: \(reason)"
        case .sourceReplaced(let path):
            "`\(printable(path))` cannot be shown in the cage: it was replaced after it was checked, "
                + "and is checked again at the next start"
        case .changedSinceLook(let folder, let path):
            "`\(printable(path))`, denied in `\(printable(folder))`, was moved, got another name, or has "
                + "several and was written to, after the folder was looked through, which is done again "
                + "at the next start"
        case .notAFolder(let path):
            "`\(printable(path))` is not a folder; `read` and `write` take folders"
        case .insideNotUsable(let path, let reason):
            "`\(printable(path))` cannot be a place inside the cage: \(reason)"
        case .foldersOverlap(let first, let second):
            "`\(printable(first))` and `\(printable(second))` lie in one another; use siblings"
        case .codeIsWritable(let code, let folder):
            "the server could rewrite its own code: `\(printable(code))` and the writable "
                + "`\(printable(folder))` lie in one another; move one of them"
        case .protected(let source, let protected):
            "`\(printable(source))` would show `\(printable(protected))`, which no cage may see; "
                + "move the server's files to a folder of their own"
        case .linkInTheWay(let link, let target):
            "the symbolic link `\(printable(link))` cannot be made inside the cage; "
                + "write the path with `\(printable(target))` instead"
        case .notReachable(let path, let uid, let need):
            "`\(printable(path))` is not \(need) for uid \(uid), which the server has as a user of "
                + "its own; change its owner or mode, or move it"
        case .runsAsRoot:
            "a server cannot be caged with the gateway's own user when that is root; "
                + "give it a uid of its own"
        case .cannotSwitchUser:
            "only a gateway that runs as root can give a server a uid of its own"
        case .layersMissing(let layers, let reasons):
            "this machine does not have \(layers.map(\.rawValue).joined(separator: ", ")), "
                + "which the cage needs: \(reasons.joined(separator: "; "))"
        case .minimumNotWritten(let layers, let reasons):
            "\(layers == [.overlay] ? "it has folders" : "it has a T3 tool"), and then a cage needs \(layers.map(\.rawValue).joined(separator: ", ")) "
                + "(\(reasons.joined(separator: "; "))); to start it without, write what it must have: "
                + "`cage: { minimum: [\(CageLayer.always.sorted().map(\.rawValue).joined(separator: ", "))] }`"
        case .layersUntried(let layers, let reasons):
            "whether this machine has \(layers.map(\.rawValue).joined(separator: ", ")) could not be "
                + "tried, and is at the next start: \(reasons.joined(separator: "; "))"
        case .launchFailed(let reason):
            "the cage could not be started: \(reason)"
        case .mountInside(let folder, let path):
            "something is mounted at `\(printable(path))` in `\(printable(folder))`, where what is "
                + "denied cannot be hidden; give the mount, and the folders beside it, as places of "
                + "their own"
        case .tooMuchToHide(let folder, let limit):
            "`\(printable(folder))` holds more than \(limit), too much to look for denied paths in; "
                + "give smaller folders, each a place of its own"
        case .lookTookTooLong(let folder, let limit):
            "`\(printable(folder))` was not looked through for denied paths in \(limit) ms, and is once "
                + "more at the next start; where that goes on, give smaller folders, each a place of its "
                + "own, or ones on a faster disk"
        case .hidingFailed(let folder, let code, let place):
            "what is denied in `\(printable(folder))` could not be hidden (errno \(code)): "
                + "`\(printable(place))` must lie on a file system that takes device nodes "
                + "(ext4, xfs, btrfs, tmpfs); put the state folder on one"
        case .cannotHide(let folder, let example, let reason):
            "`\(printable(folder))` holds what is denied, `\(printable(example))`, and it cannot be "
                + "hidden here: \(reason)"
        case .hidingUntried(let folder, let reason):
            "whether what is denied in `\(printable(folder))` can be hidden could not be tried, and is "
                + "at the next start: \(reason)"
        case .notBundled(let reason): "no bundle says what this cage is: \(reason)"
        }
    }
}
