import Audit
import Base
import Policy

/// The parties of the calls of late, so that calls of one tool by one principal share them.
///
/// A place for each of a few thousand pairs; two that fall on one place take turns in it. Nothing in
/// here goes stale: what is found is compared whole.
struct KnownParties {
    private static let placeCount = 4096

    private let environment: EnvironmentName
    private var places = [RecordParties?](repeating: nil, count: Self.placeCount)

    init(environment: EnvironmentName) { self.environment = environment }

    mutating func of(_ principal: Principal, _ tool: ToolEntry) -> RecordParties {
        let hash = UInt(bitPattern: principal.subject.hash) ^ UInt(tool.pin.words.0)
        let place = Int(hash % UInt(Self.placeCount))
        if let known = places[place], isSame(known, principal, tool) { return known }
        let parties = RecordParties(
            tenant: principal.tenant,
            environment: environment,
            principal: principal.owner,
            run: principal.run,
            server: tool.reference.server,
            tool: tool.reference.tool
        )
        places[place] = parties
        return parties
    }

    private func isSame(_ known: RecordParties, _ principal: Principal, _ tool: ToolEntry) -> Bool {
        known.run == principal.run && known.principal == principal.owner
            && known.tenant == principal.tenant && known.tool == tool.reference.tool
            && known.server == tool.reference.server
    }
}
