import Audit
import AuditVerifier
import Base
import Crypto
import Gateway
import JSON
import Storage
import System

/// `gatehouse audit …`: reads the log, whether a gateway writes it just now or none runs.
///
/// Questions that the search index answers are put to the gateway first, see `LogSearch`.
enum AuditCommands {
    static let all = [tail, search, show, export, verify, prove, key, tombstone]

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

    /// Throws where that record was removed, saying so.
    private static func require(_ leaf: UInt64, in archive: LogArchive) throws {
        let begin = try archive.begin()
        guard leaf >= begin else {
            throw ControlError(
                .refused,
                "record \(leaf) was removed, with all before record \(begin)",
                hint: "`gatehouse audit tombstone` prints what says so"
            )
        }
    }

    /// Throws when the reader went away, which ends what follows the log.
    private static func show(_ leaf: StoredLeaf, asJSON: Bool) throws {
        if asJSON {
            try Console.write(RecordExport.jsonLine(leaf))
        } else if let head = RecordHead(leaf: leaf.bytes) {
            let line = "\(leaf.index)  \(printable(head.line, limit: 400))\n"
            try Console.write(Array(line.utf8))
        }
    }

    private static let tail = Command(
        "audit tail",
        "[-f]",
        "show the last records; with -f go on as they come",
        options: [
            Command.Option("--lines", "N", "how many (default: 20)"),
            Command.Option("--follow", nil, "the same as -f: wait for further records"),
        ] + AuditFilter.options,
        run: { invocation, loop in
            let archive = try archive(invocation)
            let filter = try AuditFilter(invocation, now: SystemClock().timestamp)
            let lines = try count(invocation, "--lines", default: 20, most: 100_000)
            let follows = try invocation.has("--follow") || isFollowing(invocation)
            var next = try archive.size()
            var found: [StoredLeaf]?
            // What is rare may lie far back, where the index leads at once.
            if !filter.isOpen, lines <= Limits.auditPageCount {
                let query = filter.query(limit: lines, before: next)
                found = try await LogSearch.ask(query, invocation, on: loop)?.reversed()
            }
            for leaf in try found ?? last(lines, before: next, in: archive, filter) {
                try show(leaf, asJSON: invocation.wantsJSON)
            }
            while follows {
                // Looked for a few times a second: a look costs microseconds, and no event reaches
                // a reader of another process.
                Process.pause(.milliseconds(250))
                for leaf in try archive.leaves(from: next, limit: 1000) {
                    next = leaf.index + 1
                    if filter.matches(leaf) { try show(leaf, asJSON: invocation.wantsJSON) }
                }
            }
            return 0
        }
    )

    private static func isFollowing(_ invocation: Invocation) throws -> Bool {
        guard let word = invocation.arguments.first else { return false }
        guard word == "-f", invocation.arguments.count == 1 else {
            throw ControlError(.usage, "`audit tail` takes no words; `audit search` does")
        }
        return true
    }

    /// The last records that match, oldest first.
    private static func last(
        _ count: Int,
        before end: UInt64,
        in archive: LogArchive,
        _ filter: AuditFilter
    ) throws -> [StoredLeaf] {
        var found: [StoredLeaf] = []
        try archive.eachStepBackwards(before: end) { step in
            found += step.reversed().filter(filter.matches).prefix(count - found.count)
            return found.count < count
        }
        return found.reversed()
    }

    private static let search = Command(
        "audit search",
        "[WORDS …]",
        "find records by words, fields and time, by the index",
        options: [
            Command.Option("--lines", "N", "the last so many (default: 100, at most 1000)")
        ] + AuditFilter.options,
        run: { invocation, loop in
            let filter = try AuditFilter(invocation, now: SystemClock().timestamp)
            let most = Limits.auditPageCount
            let lines = try count(invocation, "--lines", default: 100, most: most)
            let query = filter.query(words: invocation.arguments, limit: lines)
            let asked = try await LogSearch.ask(query, invocation, on: loop)
            for leaf in try (asked ?? read(query, invocation)).reversed() {
                try show(leaf, asJSON: invocation.wantsJSON)
            }
            return 0
        }
    )

    /// What a question finds in the files, newest first.
    private static func read(
        _ query: SearchQuery,
        _ invocation: Invocation
    ) throws -> [StoredLeaf] {
        let archive = try archive(invocation)
        do { try bringUp(archive) } catch {
            Console.complain(
                "note: `search.db` of the state folder cannot be written (\(error)); the log is "
                    + "indexed in memory, for this question alone"
            )
            archive.indexInMemory()
            try bringUp(archive)
        }
        return try archive.search(query).leaves
    }

    /// Indexes what is there at the beginning; says how far it is once a second.
    private static func bringUp(_ archive: LogArchive) throws(DatabaseFailure) {
        var progress = Progress("indexed")
        var state = try archive.indexMore()
        let size = state.size
        while state.indexed < size {
            progress.report(state.indexed, of: size)
            state = try archive.indexMore()
        }
    }

    private static let show = Command(
        "audit show",
        "NUMBER",
        "print one record whole",
        blocking: { invocation in
            let number = try leaf(invocation)
            let archive = try archive(invocation)
            try require(number, in: archive)
            guard let found = try archive.leaves(from: number, limit: 1).first else {
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
        options: [
            Command.Option("--csv", nil, "as CSV (RFC 4180) instead of JSON lines"),
            Command.Option("--jsonl", nil, "as JSON lines, each the record's own bytes (default)"),
        ] + AuditFilter.options,
        blocking: { invocation in
            let filter = try AuditFilter(invocation, now: SystemClock().timestamp)
            guard !(invocation.has("--csv") && invocation.has("--jsonl")) else {
                throw ControlError(.usage, "`--csv` and `--jsonl` exclude each other")
            }
            let isCSV = invocation.has("--csv")
            if isCSV { try Console.write(RecordExport.csvHeader) }
            var failure: (any Error)?
            try archive(invocation).eachLeaf { leaf in
                guard filter.matches(leaf) else { return true }
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
            for note in try archive.checkpointNotes() {
                check.expect(Array(note.utf8), key, Ed25519.Checker())
            }
            if let file = try invocation.value("--against") {
                let notes = VerifiedCheckpoint.split(try Files.read(file, limit: 64 << 20))
                guard !notes.isEmpty else {
                    throw ControlError(.usage, "`\(printable(file))` holds no checkpoint")
                }
                for note in notes { check.expect(note, key, Ed25519.Checker(), isOutside: true) }
            }
            var progress = Progress("checked")
            let size = try archive.size()
            let begin = { (first: UInt64, tombstone: [UInt8]?) in
                check.begin(at: first, tombstone, key, Ed25519.Checker())
            }
            try archive.eachLeaf(from: begin) { leaf in
                check.add(leaf.bytes)
                if leaf.index % 4096 == 0 { progress.report(leaf.index, of: size) }
                return true
            }
            let report = check.report()
            for finding in report.findings { Console.complain("error: \(finding)") }
            invocation.report(
                "\(report.size) records, \(report.checkpointCount) checkpoints, "
                    + "\(report.coveredSize) records covered, \(report.openCallCount) calls open\n"
                    + removed(report)
                    + (report.holds ? "the log holds" : "THE LOG DOES NOT HOLD"),
                [
                    "holds": .bool(report.holds),
                    "records": JSONValue(Int(report.size)),
                    "removed": JSONValue(Int(report.removedCount)),
                    "older": JSONValue(report.olderCheckpointCount),
                    "checkpoints": JSONValue(Int(report.checkpointCount)),
                    "covered": JSONValue(Int(report.coveredSize)),
                    "open": JSONValue(Int(report.openCallCount)),
                    "findings": .array(report.findings.map { JSONValue("\($0)") }),
                ]
            )
            return report.holds ? 0 : 4
        }
    )

    private static func removed(_ report: VerificationReport) -> String {
        guard report.removedCount > 0 else { return "" }
        let older =
            report.olderCheckpointCount == 0
            ? "" : "; nothing is left to compare \(report.olderCheckpointCount) checkpoints with"
        return "the first \(report.removedCount) records were removed, with a tombstone\(older)\n"
    }

    private static let prove = Command(
        "audit prove",
        "NUMBER",
        "print one record with its proof, for who does not have the log",
        options: [Command.Option("--open", nil, "with the salt that opens its commitments")],
        blocking: { invocation in
            let number = try leaf(invocation)
            let archive = try archive(invocation)
            try require(number, in: archive)
            let evidence = try archive.evidence(
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

    private static let tombstone = Command(
        "audit tombstone",
        "",
        "print the signed note in the place of removed records; an export is verified with it",
        blocking: { invocation in
            guard let note = try archive(invocation).tombstone() else {
                throw ControlError(.refused, "no record of this log was removed")
            }
            try Console.write(note)
            return 0
        }
    )
}
