import Base
import Crypto
import JSON
import Patterns
import Policy
import Testing

let engine = RegexEngine()
let hashing = OpenSSLHashing()

/// Servers `files` (root /data), `github`, `db` and `sh` of tenant `main`.
func context(
    isProduction: Bool = false,
    features: PolicyFeatures = [],
    lock: [TenantID: [ToolReference: ToolStatement]] = [:]
) -> PolicyContext {
    var servers: [ServerName: ServerRoot] = [:]
    for name in ["github", "db", "sh"] { servers[ServerName(unchecked: name)] = .top }
    servers[ServerName(unchecked: "files")] = ServerRoot("/data")
    return PolicyContext(
        environment: EnvironmentName(unchecked: isProduction ? "production" : "staging"),
        isProduction: isProduction,
        servers: [.main: servers],
        lock: lock,
        features: features
    )
}

func node(_ json: String) throws -> JSONNode { try JSONDocument(parsing: Array(json.utf8)).root }

func call(_ json: String) throws -> CallForm { try CallForm(try node(json)) }

func tool(_ spelling: String) throws -> ToolReference {
    try #require(ToolReference(spelling: spelling))
}

func check(
    _ json: String,
    in context: PolicyContext = context()
) throws -> CheckedPolicy {
    try CheckedPolicy(
        checking: PolicyDocument(json: try node(json)),
        in: context,
        engine: engine,
        hashing: hashing
    )
}

/// The problems a policy is refused for; empty when it is taken.
func problems(
    of json: String,
    in context: PolicyContext = context()
) throws -> [PolicyProblem] {
    do {
        _ = try check(json, in: context)
        return []
    } catch let error as PolicyLoadError {
        return error.problems
    }
}

func policy(
    _ json: String,
    for name: String,
    in context: PolicyContext = context()
) throws -> ToolPolicy {
    try #require(try check(json, in: context).policy(for: try tool(name), tenant: .main))
}

func judge(
    _ json: String,
    _ name: String,
    _ arguments: String,
    facts: Facts = .none,
    in context: PolicyContext = context()
) throws -> Verdict {
    try policy(json, for: name, in: context).judge(try call(arguments), facts)
}
