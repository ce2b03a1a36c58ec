import Base

/// When the gateway indexes its own log: while nobody calls, in large steps; while few do, in small
/// ones with pauses, so that no call notices.
///
/// Looked at once a second. A log that never rests is not indexed here at all unless it grows
/// slowly and much has come together; whoever asks indexes the rest then.
final class IndexKeeper {
    /// Growth a second up to which the log counts as slow.
    private static let slowCount: UInt64 = 200
    /// At rest, fewer records than a step wait this many looks, so that a call now and then does not
    /// cost a transaction each.
    private static let patience = 10

    private let index: SearchIndex
    private var lastSize: UInt64?
    private var indexed: UInt64 = 0
    private var quietLooks = 0

    init(index: SearchIndex) { self.index = index }

    func look(size: UInt64) {
        let growth = size - min(size, lastSize ?? 0)
        lastSize = size
        quietLooks = growth == 0 ? quietLooks + 1 : 0
        guard size > indexed else { return }
        let isStep = size - indexed >= UInt64(SearchIndex.stepCount)
        guard isStep ? growth < Self.slowCount : quietLooks >= Self.patience else { return }
        // Without an index the next question says why; nothing depends on this step.
        let state =
            growth == 0
            ? try? index.catchUp()
            : try? index.catchUp(limit: SearchIndex.smallStepCount, pause: WorkerThread.pause)
        indexed = state?.indexed ?? size
        guard indexed >= size else { return }
        // A removal ends with a record about it, so its words are forgotten with the next rest.
        if growth == 0 { _ = try? index.forgetRemoved() }
        // What a quiet gateway keeps is its idle memory.
        index.close()
    }

    func answer(_ query: SearchQuery) throws(DatabaseFailure) -> SearchAnswer {
        var state = try index.catchUp()
        while state.indexed < state.size { state = try index.catchUp() }
        indexed = state.indexed
        return try index.answer(query)
    }
}
