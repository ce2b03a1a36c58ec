import Audit
import Base
import Crypto
import Glibc
import Storage
import TestKit

let environment = EnvironmentName(unchecked: "staging")

func signingKey() throws -> Ed25519.SigningKey {
    try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 7, count: 32)))
}

func options(
    in folder: TemporaryFolder,
    clock: any Clock = ManualClock(),
    seed: UInt64 = 1
) throws -> StoreOptions {
    StoreOptions(
        folder: folder.path,
        environment: environment,
        hashing: OpenSSLHashing(),
        signer: try signingKey(),
        checker: Ed25519.Checker(),
        random: SeededRandom(seed: seed),
        clock: clock
    )
}

func record(
    _ kind: RecordKind,
    call: String? = nil,
    tenant: TenantID = .main,
    arguments: String = #"{"path":"/data/out/a.txt"}"#,
    detail: RecordDetail? = nil,
    salt: Salt? = nil
) -> AuditRecord {
    let usual: RecordDetail =
        switch kind {
        case .intent, .proposed, .judged:
            .judgement(
                JudgementDetail(
                    verdict: "allow",
                    tier: "T1",
                    arguments: arguments,
                    argumentsByteCount: arguments.utf8.count,
                    commitment: salt?.commitment(to: Array(arguments.utf8), OpenSSLHashing())
                )
            )
        case .outcome:
            .outcome(OutcomeDetail(status: .ok, duration: .microseconds(1234), result: "done"))
        default: .fields([RecordField("by", "ana")])
        }
    return AuditRecord(
        kind,
        at: Timestamp(milliseconds: 1_785_585_600_123),
        tenant: tenant,
        environment: environment,
        call: call,
        principal: PrincipalName(unchecked: "agent-7"),
        server: ServerName(unchecked: "files"),
        tool: try? ToolName("write_file"),
        detail: detail ?? usual,
        salt: salt
    )
}

func otherKey() throws -> Ed25519.SigningKey {
    try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 8, count: 32)))
}

let hashing: any Hashing = OpenSSLHashing()

/// Signs the log and waits until that is kept wherever it should be.
@discardableResult
func kept(_ store: SQLiteStore) async throws -> String {
    let size = store.size
    let note = try await store.checkpoint()
    try await until { store.keptSize >= size }
    return note
}

/// Waits until that holds; a suite's time limit ends what never does.
func until(_ condition: () -> Bool) async throws {
    while !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
