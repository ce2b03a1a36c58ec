import Audit
import Base
import Gateway
import Storage
import System

/// Asks a running gateway what a question finds: it has the index open, and what a person may read
/// in the log's files they may ask it as well.
///
/// Where none answers, for whatever reason, the caller reads the files: the gateway may be stopped,
/// serve another user, or be what is looked into.
enum LogSearch {
    /// How long a gateway may take; it may have a long log to index first, and so would we.
    private static let patience: Duration = .seconds(5)

    /// The newest records that match, newest first; nil where no gateway says.
    static func ask(
        _ query: SearchQuery,
        _ invocation: Invocation,
        on loop: EventLoop
    ) async throws -> [StoredLeaf]? {
        let state = try invocation.stateFolder()
        var found: [StoredLeaf] = []
        var isWhole = true
        do {
            let client = try await ControlClient.connect(state, on: loop)
            let deadline = loop.now.advanced(by: patience)
            _ = try await client.call("audit.find", query.params, until: deadline) { node in
                guard let leaf = StoredLeaf(found: node) else { return isWhole = false }
                found.append(leaf)
            }
        } catch { return nil }
        return isWhole ? found : nil
    }
}
