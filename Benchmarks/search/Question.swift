import Audit
import Base
import Storage

/// One sort of question people ask; each round asks it of something else.
struct Question: Sendable {
    let name: String
    let query: @Sendable (Int) -> SearchQuery

    init(_ name: String, _ ask: @escaping @Sendable (inout SearchQuery, Int) -> Void) {
        self.name = name
        query = { round in
            var query = SearchQuery()
            query.limit = 100
            ask(&query, round)
            return query
        }
    }

    private static func server(_ round: Int) -> ServerName {
        ServerName(unchecked: Traffic.servers[round % Traffic.servers.count])
    }

    private static func tool(_ round: Int) -> ToolName? {
        try? ToolName(Traffic.verbs[round % 8] + "_" + Traffic.nouns[round / 3 % 8])
    }

    static let all = [
        Question("the newest") { _, _ in },
        Question("a word few records say") { $0.words = "ORD-\(100_000 + 20_011 * $1)" },
        Question("a word nobody says") { $0.words = "nowhere\($1)" },
        Question("a word many say") { $0.words = Traffic.word(UInt64($1 % 4)) },
        Question("two words many say") {
            $0.words = Traffic.word(UInt64($1 % 4)) + " " + Traffic.word(UInt64(4 + $1 % 8))
        },
        Question("four words some say") {
            $0.words = (0..<4).map { [round = $1] in Traffic.word(UInt64(20 * round + $0)) }
                .joined(separator: " ")
        },
        Question("a word everybody says and one nobody does") {
            $0.words = "sandboxes nowhere\($1)"
        },
        Question("two words everybody says, never together") { query, _ in
            query.words = "sandboxes voted"
        },
        Question("a server") { $0.server = server($1) },
        Question("a tool") {
            $0.server = server($1)
            $0.tool = tool($1)
        },
        Question("an agent's refusals") {
            $0.principal = PrincipalName(unchecked: "agent-\($1)")
            $0.kind = .judged
        },
        Question("a kind there is seldom") { query, _ in query.kind = .denied },
        Question("a kind there is not") { query, _ in query.kind = .lockdown },
        Question("a tenant") { query, round in
            query.tenant = TenantID(unchecked: Traffic.tenants[round % 6])
        },
        Question("a word in a tenant") {
            $0.tenant = TenantID(unchecked: Traffic.tenants[$1 % 6])
            $0.words = Traffic.word(UInt64(200 + $1))
        },
        Question("a tool nobody calls, of a server everybody does") { query, _ in
            query.server = server(0)
            query.tool = try? ToolName("no_such")
        },
        Question("an hour") { query, round in
            let from = Traffic.start + Traffic.milliseconds / 41 * Int64(round)
            query.since = Timestamp(milliseconds: from)
            query.until = Timestamp(milliseconds: from + 3_600_000)
        },
        Question("a word in a day") { query, round in
            let from = Traffic.start + Traffic.milliseconds / 41 * Int64(round)
            query.since = Timestamp(milliseconds: from)
            query.until = Timestamp(milliseconds: from + 86_400_000)
            query.words = Traffic.word(UInt64(300 + round))
        },
        Question("a later page of a word many say") {
            $0.words = Traffic.word(UInt64($1 % 4))
            $0.before = UInt64(25_000 * ($1 + 1))
        },
        Question("an agent's call of a tool with a word") {
            $0.principal = PrincipalName(unchecked: "agent-\($1)")
            $0.server = server($1)
            $0.tool = tool($1)
            $0.words = Traffic.word(UInt64($1))
        },
    ]
}
