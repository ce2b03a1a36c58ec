import Base
import Crypto
import Gateway
import JSON
import Policy
import TestKit

let hashing: any Hashing = OpenSSLHashing()

/// Bytes that count up: the same ids in every run.
struct CountingRandom: RandomSource {
    private let next = Lock<UInt8>(0)

    func bytes(count: Int) -> [UInt8] {
        next.withLock { next in
            (0..<count).map { _ in
                next &+= 1
                return next
            }
        }
    }
}

func source(_ text: String, file: String = "gatehouse.yaml") throws -> SourceText {
    try SourceText(file: file, bytes: Array(text.utf8))
}

func configuration(_ text: String) throws -> Configuration { try Configuration(source(text)) }

func policySet(_ text: String, lock: LockFile = .empty) throws -> PolicySet {
    try PolicySet(try configuration(text), lock: lock, hashing: hashing)
}

func node(_ text: String) throws -> JSONNode { try JSONDocument(parsing: Array(text.utf8)).root }

func principal(
    _ owner: String = "ana",
    token: String = "001122334455",
    tenant: TenantID = .main
) -> Principal {
    Principal(
        owner: PrincipalName(unchecked: owner),
        token: token,
        tenant: tenant,
        environment: EnvironmentName(unchecked: "staging"),
        run: "r1"
    )
}
