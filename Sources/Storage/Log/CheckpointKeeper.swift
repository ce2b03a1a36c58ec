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

    /// The last checkpoint kept outside, nil when there is none yet.
    func last() throws(FileFailure) -> String? {
        try LogFile.read(path).map { String(decoding: $0, as: UTF8.self) }
    }
}
