import Base
import System

/// Lists above a credential's limit, as they are put on the record: the first of each credential
/// at once, those that follow within a minute counted and together.
///
/// So a loop of lists cannot spend the bytes a day that its tenant's calls need.
struct RefusedLists {
    static let window = Duration.seconds(60)

    /// What was refused again after the refusal that has its own record.
    struct Repeated {
        let principal: Principal
        /// The verdict that was recorded; it is told to the agent for the others, too.
        let verdict: String
        let refusal: Refusal
        var count = 0
    }

    /// Who is in here asked for more than the limit: as many as have a credential, at most.
    private var repeated: [PrincipalKey: Repeated] = [:]

    /// Counts one more, and gives the verdict it belongs to; nil when it is a first one.
    mutating func verdict(counting key: PrincipalKey) -> String? {
        guard var found = repeated[key] else { return nil }
        found.count += 1
        repeated[key] = found
        return found.verdict
    }

    /// The first of a credential; true when a new window begins with it.
    mutating func begin(_ principal: Principal, _ refusal: Refusal, verdict: String) -> Bool {
        defer {
            repeated[principal.key] = Repeated(
                principal: principal,
                verdict: verdict,
                refusal: refusal
            )
        }
        return repeated.isEmpty
    }

    /// What was only counted; the next refusal of each credential is a first one again.
    mutating func close() -> [Repeated] {
        defer { repeated = [:] }
        return repeated.values.filter { $0.count > 0 }.sorted { $0.verdict < $1.verdict }
    }
}
