import Base
import JSON

/// The emergencies there are, as far as this terminal was told, and what is new about them.
struct EmergencyList {
    private(set) var all: [JSONNode] = []

    /// Takes those there are now; what people at this terminal must hear of it.
    mutating func take(_ found: [JSONNode]) -> [String] {
        let before = all
        all = found
        var news = found.compactMap { glass -> String? in
            guard let known = before.first(where: { Self.id($0) == Self.id(glass) }) else {
                return BreakGlassCommands.line(glass)
            }
            let (uses, count) = (
                glass["uses"]?.elements.map { $0 } ?? [], known["uses"]?.count ?? 0
            )
            let isOver = known["open"]?.bool == true && glass["open"]?.bool != true
            // Anything about it is told with all of it.
            guard uses.count > count || isOver else { return nil }
            let tool = uses.count > count ? uses.last?["tool"]?.string : nil
            let what = tool.map { "used for \(printable($0, limit: 200)): " } ?? "over: "
            return what + BreakGlassCommands.line(glass)
        }
        for glass in before where !found.contains(where: { Self.id($0) == Self.id(glass) }) {
            news.append("reviewed: " + BreakGlassCommands.line(glass))
        }
        return news
    }

    static func id(_ glass: JSONNode) -> String { glass["id"]?.string ?? "" }
}
