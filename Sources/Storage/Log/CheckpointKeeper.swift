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
