package import Audit
import Base
import Crypto
package import JSON
import Sandbox
import Storage
import System

/// What `gatehouse prove` signs: the text of a report, told from a checkpoint by its first line.
package enum ProofReport {
    package static let heading = "gatehouse/proof/1"

    static func body(_ report: JSONValue) -> String {
        heading + "\n" + String(decoding: report.serialised(), as: UTF8.self) + "\n"
    }

    /// The report of a note this key signed; nil where it did not sign this one.
    package static func report(of note: String, key: CheckpointKey) -> JSONDocument? {
        guard let text = key.text(of: note, Ed25519.Checker()) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, lines[0] == heading else { return nil }
        return try? JSONDocument(parsing: Array(lines[1].utf8), limits: .result)
    }
}

extension Gateway {
    /// Runs the victim in that server's cage, records that it was done and what came of it, and signs
    /// the report with the log's key.
    func prove(_ member: ServerFleet.Member, by actor: String) async throws -> JSONValue {
        let recipe = try recipe(of: member).beside(in: state.layers)
        let executes = member.hosted?.facts.current.executes ?? false
        let (state, random, protected) = (state, parts.random, recipe.settled.protectedPaths)
        let (settings, now) = (member.settings, parts.clock.timestamp)
        let made: (report: JSONValue, note: String, isProven: Bool)
        do {
            made = try await fleet.planning {
                let (plan, tools, probe) = try recipe.plan(executes: executes)
                let proof = try Proof(
                    plan,
                    tools: tools,
                    state: state.path,
                    protectedPaths: protected
                )
                let account = CageAccount(plan, tools: tools, probe: probe)
                let report = Self.report(proof, account, of: settings, at: now)
                let seed = try LogFile.secret(state.signingKey, byteCount: 32, random: random)
                let signer = try Ed25519.SigningKey(seed: SecretBytes(seed))
                let key = try LogArchive(folder: state.path, OpenSSLHashing()).key
                let note = key.note(ProofReport.body(report), signedBy: signer)
                return (report, note, proof.isProven)
            }
        } catch let error as CageError {
            throw ControlError(.refused, "its cage cannot be made: \(error)")
        }
        let digest = OpenSSLHashing().sha256(Array(made.note.utf8))
        _ = try await store.commit(
            serverRecord(
                ServerKey(tenant: settings.tenant, server: settings.name),
                [
                    RecordField("by", actor), RecordField("change", "proof"),
                    RecordField("result", made.isProven ? "proven" : "not proven"),
                    RecordField("report", digest.description),
                ]
            )
        )
        guard case .object(var object) = made.report else { return made.report }
        object["report"] = JSONValue(made.note)
        return .object(object)
    }

    private static func report(
        _ proof: Proof,
        _ account: CageAccount,
        of server: Configuration.Server,
        at now: Timestamp
    ) -> JSONValue {
        var object = JSONObject()
        object["server"] = JSONValue(server.name.rawValue)
        object["tenant"] = JSONValue(server.tenant.rawValue)
        object["time"] = JSONValue(now.description)
        object["ok"] = JSONValue(proof.isProven)
        object["layers"] = .array(
            account.rows.filter(\.holds).map { JSONValue($0.layer.rawValue) }
        )
        object["missing"] = .array(
            account.rows.filter { !$0.holds }.map { JSONValue($0.layer.rawValue) }
        )
        object["acts"] = .array(
            proof.outcomes.map { outcome in
                var row = JSONObject()
                row["name"] = JSONValue(outcome.act.name)
                row["group"] = JSONValue(outcome.act.group.rawValue)
                row["result"] = JSONValue(outcome.verdict.word)
                switch outcome.verdict {
                case .stopped(let layer): row["layer"] = JSONValue(layer.rawValue)
                case .open(let reason): row["layer"] = JSONValue(reason)
                default: break
                }
                row["answer"] = JSONValue(outcome.answer.description)
                return .object(row)
            }
        )
        return .object(object)
    }
}
