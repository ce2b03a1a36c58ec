import Audit
import AuditVerifier
import Base
import Crypto
import Gateway
import JSON
import Storage
import System

/// `gatehouse audit …`: reads the log, whether a gateway writes it just now or none runs.
enum AuditCommands {
    static let all = [tail, search, show, export, verify, prove, key]

    private static func archive(_ invocation: Invocation) throws -> LogArchive {
        let state = try invocation.stateFolder()
        do {
            return try LogArchive(folder: state.path, OpenSSLHashing())
        } catch {
            throw ControlError(
                .unreachable,
                "the log in \(state.path) cannot be read: \(error)",
                hint: "name the state folder with `--state`"
            )
        }
    }

    private static func count(
        _ invocation: Invocation,
        _ option: String,
        default standard: Int,
        most: Int
    ) throws -> Int {
        guard let text = try invocation.value(option) else { return standard }
        guard let count = Int(text), (1...most).contains(count) else {
            throw ControlError(.usage, "`\(option)` takes a number from 1 to \(most)")
        }
        return count
    }

    private static func leaf(_ invocation: Invocation) throws -> UInt64 {
        let text = try invocation.argument(0, "the record's number")
        guard let number = UInt64(text) else {
            throw ControlError(.usage, "`\(printable(text))` is no number of a record")
        }
        return number
    }

    private static func show(_ leaf: StoredLeaf, asJSON: Bool) {
        if asJSON {
            Console.print(String(decoding: leaf.bytes, as: UTF8.self))
        } else if let head = RecordHead(leaf: leaf.bytes) {
            Console.print("\(leaf.index)  \(printable(head.line, limit: 400))")
        }
    }

    private static let tail = Command(
        "audit tail",
        "",
        "show the last records",
        options: [Command.Option("--lines", "N", "how many (default: 20)")],
        blocking: { invocation in
            let archive = try archive(invocation)
            let lines = try count(invocation, "--lines", default: 20, most: 100_000)
            let size = try archive.size()
            let first = size > UInt64(lines) ? size - UInt64(lines) : 0
            try archive.eachLeaf(from: first) { leaf in
                show(leaf, asJSON: invocation.wantsJSON)
                return true
            }
            return 0
        }
    )

    private static let search = Command(
        "audit search",
        "[WORDS …]",
        "find records by words and fields",
        options: [
            Command.Option("--kind", "KIND", "records of that kind"),
            Command.Option("--tool", "SERVER.TOOL", "records of that tool"),
            Command.Option("--principal", "NAME", "records of that owner"),
            Command.Option("--lines", "N", "how many (default: 100, at most 1000)"),
        ],
        blocking: { invocation in
            let archive = try archive(invocation)
            let lines = try count(invocation, "--lines", default: 100, most: 1000)
            let words = invocation.arguments.map { $0.lowercased() }
            let kind = try invocation.value("--kind")
            let principal = try invocation.value("--principal")
            let tool = try invocation.value("--tool")
            var found: [StoredLeaf] = []
            try archive.eachLeaf { leaf in
                guard let head = RecordHead(leaf: leaf.bytes) else { return true }
                let name = head.server.map { "\($0).\(head.tool ?? "")" }
                guard kind == nil || head.kind == kind,
                    principal == nil || head.principal == principal,
                    tool == nil || name == tool
                else { return true }
                if !words.isEmpty {
                    let text = String(decoding: leaf.bytes, as: UTF8.self).lowercased()
                    guard words.allSatisfy({ text.contains($0) }) else { return true }
                }
                found.append(leaf)
                if found.count > lines { found.removeFirst() }
                return true
            }
            for leaf in found { show(leaf, asJSON: invocation.wantsJSON) }
            return 0
        }
    )

    private static let show = Command(
        "audit show",
        "NUMBER",
        "print one record whole",
        blocking: { invocation in
            let number = try leaf(invocation)
            guard let found = try archive(invocation).leaves(from: number, limit: 1).first else {
                throw ControlError(.refused, "the log has no record \(number)")
            }
            Console.print(String(decoding: found.bytes, as: UTF8.self))
            return 0
        }
    )

    private static let export = Command(
        "audit export",
        "",
        "print every record, as JSON lines or CSV",
        options: [Command.Option("--csv", nil, "as CSV (RFC 4180) instead of JSON lines")],
        blocking: { invocation in
            let isCSV = invocation.has("--csv")
            if isCSV { try Console.write(RecordExport.csvHeader) }
            var failure: (any Error)?
            try archive(invocation).eachLeaf { leaf in
                do {
                    try Console.write(
                        isCSV ? RecordExport.csvRow(leaf) : RecordExport.jsonLine(leaf)
                    )
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
            if let failure { throw failure }
            return 0
        }
    )

    private static let verify = Command(
        "audit verify",
        "",
        "check the whole log with the second reader; exit 4 when it does not hold",
        options: [
            Command.Option("--against", "FILE", "checkpoints kept elsewhere, which it must extend"),
            Command.Option("--key", "KEY", "the log's key as published (default: the log's own)"),
        ],
        blocking: { invocation in
            let hashing = OpenSSLHashing()
            let archive = try archive(invocation)
            let key = try VerifierKey(try invocation.value("--key") ?? archive.key.text, hashing)
            var check = LogVerification(hashing)
            var notes = try archive.checkpointNotes().map { Array($0.utf8) }
            if let file = try invocation.value("--against") {
                notes += VerifiedCheckpoint.split(try Files.read(file, limit: 64 << 20))
            }
            for note in notes { check.expect(note, key, Ed25519.Checker()) }
            try archive.eachLeaf { leaf in
                check.add(leaf.bytes)
                return true
            }
            let report = check.report()
            for finding in report.findings { Console.complain("error: \(finding)") }
            invocation.report(
                "\(report.size) records, \(report.checkpointCount) checkpoints, "
                    + "\(report.coveredSize) records covered, \(report.openCallCount) calls open\n"
                    + (report.holds ? "the log holds" : "THE LOG DOES NOT HOLD"),
                [
                    "holds": .bool(report.holds),
                    "records": JSONValue(Int(report.size)),
                    "checkpoints": JSONValue(Int(report.checkpointCount)),
                    "covered": JSONValue(Int(report.coveredSize)),
                    "open": JSONValue(Int(report.openCallCount)),
                    "findings": .array(report.findings.map { JSONValue("\($0)") }),
                ]
            )
            return report.holds ? 0 : 4
        }
    )

    private static let prove = Command(
        "audit prove",
        "NUMBER",
        "print one record with its proof, for who does not have the log",
        options: [Command.Option("--open", nil, "with the salt that opens its commitments")],
        blocking: { invocation in
            let number = try leaf(invocation)
            let evidence = try archive(invocation).evidence(
                of: number,
                opening: invocation.has("--open")
            )
            guard let evidence else {
                throw ControlError(
                    .refused,
                    "no checkpoint covers record \(number) yet",
                    hint: "checkpoints are signed every ten seconds while the gateway runs"
                )
            }
            try Console.write(evidence)
            return 0
        }
    )

    private static let key = Command(
        "audit key",
        "",
        "print the log's public key, to be published beside it",
        blocking: { invocation in
            let key = try archive(invocation).key.text
            invocation.report(key, ["key": JSONValue(key)])
            return 0
        }
    )
}
