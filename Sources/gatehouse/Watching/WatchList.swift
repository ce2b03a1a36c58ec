import JSON

/// The questions that wait, and the one that is in front of the person.
struct WatchList {
    struct Row: Equatable {
        let ticket: String
        let revision: Int64
        let tool: String
        let tier: String
        let people: Int64
        let tenant: String

        /// Whether one person may answer it alone in an emergency.
        var isForTwo: Bool { tier == "T3" && people > 1 }
    }

    private(set) var rows: [Row] = []
    private(set) var current: Row?

    /// Takes what waits now; whether another question, or another form of it, must be shown.
    mutating func take(_ waiting: JSONNode) -> Bool {
        rows = waiting.elements.map { question in
            Row(
                ticket: question["ticket"]?.string ?? "",
                revision: question["revision"]?.number?.int64 ?? 0,
                tool: question["tool"]?.string ?? "",
                tier: question["tier"]?.string ?? "",
                people: question["people"]?.number?.int64 ?? 1,
                tenant: question["tenant"]?.string ?? ""
            )
        }
        let before = current
        current = rows.first { $0.ticket == before?.ticket } ?? rows.first
        return current != before
    }

    /// Whether there is another one to go to.
    mutating func step(by distance: Int) -> Bool {
        guard let place, rows.indices.contains(place + distance) else { return false }
        current = rows[place + distance]
        return true
    }

    private var place: Int? { rows.firstIndex { $0.ticket == current?.ticket } }

    /// As in `2 of 5  T2  shop.destroy`.
    var position: String {
        guard let current, let place else { return "" }
        return "\(place + 1) of \(rows.count)  \(current.tier)  \(current.tool)"
    }
}
