import Audit
import Base

/// Keeps signed checkpoints outside the database: the last one in the state folder, all of them in
/// every destination.
struct CheckpointKeeper: Sendable {
    let path: String
    let destinations: [String]

    /// Keeps the note everywhere it can; returns what failed.
    func keep(_ note: String) -> [FileFailure] {
        var failures: [FileFailure] = []
        do throws(FileFailure) { try LogFile.replace(path, with: Array(note.utf8)) } catch {
            failures.append(error)
        }
        for destination in destinations {
            // A blank line ends each note, so that the file can be split again.
            do throws(FileFailure) {
                try LogFile.append(Array((note + "\n").utf8), to: destination)
            } catch { failures.append(error) }
        }
        return failures
    }

    /// Keeps `note` on the keeper's thread, and publishes when that is done.
    static func keep(
        _ note: String,
        size: UInt64,
        on thread: TaskThread<CheckpointKeeper>,
        _ published: Lock<PublishedState>
    ) {
        published.withLock { $0.unkeptCount += 1 }
        let isTaken = thread.submit { keeper in
            let failures = keeper.keep(note)
            published.withLock { state in
                state.unkeptCount -= 1
                state.keepFailure = failures.first?.description
                if failures.isEmpty { state.keptSize = size }
            }
        }
        // So many wait that one more is not taken: those that wait say so already.
        if !isTaken { published.withLock { $0.unkeptCount -= 1 } }
    }

    /// The end of what was sent to each destination that can be read, newest note first.
    ///
    /// A note whose writing was interrupted is among them; only its signature tells what is one.
    func sent(by origin: LogOrigin) -> [(path: String, notes: [String])] {
        destinations.map { path in
            let end = (try? LogFile.end(of: path, byteCount: 1 << 16)).flatMap { $0 } ?? []
            let parts = String(decoding: end, as: UTF8.self).split(separator: "\n\n")
            let notes = zip(parts, parts.dropFirst()).compactMap { text, signatures in
                text.hasPrefix(origin.text + "\n") ? "\(text)\n\n\(signatures)\n" : nil
            }
            return (path, notes.reversed())
        }
    }

    /// The last checkpoint kept beside the database, nil when there is none yet.
    func last() throws(FileFailure) -> String? {
        try LogFile.read(path).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension PublishedState {
    /// Checkpoints that may wait for a slow disk before it counts as one that does not answer.
    private static let patience = 8

    /// Why the last checkpoint is not kept everywhere, also where a destination never answers.
    var keepTrouble: String? {
        if unkeptCount <= Self.patience { return keepFailure }
        return keepFailure ?? "\(unkeptCount) checkpoints wait to be kept; a destination hangs"
    }
}
