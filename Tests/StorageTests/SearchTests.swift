import Audit
import Base
import Crypto
import Glibc
import Storage
import TestKit
import Testing

/// Questions to the log: what the index answers is what reading every record would.
@Suite(.timeLimit(.minutes(20)))
struct SearchTests {
    let folder = TemporaryFolder()
    static let start: Int64 = 1_785_585_600_000
    static let cities = ["Zürich", "Genève", "St. Gallen", "read_file", "a\nb\u{1}c"]

    /// Makes records of many kinds, names and times, with a clock that steps back; what each says.
    @discardableResult
    private func fill(_ count: Int, from first: Int = 0) async throws -> [String] {
        var said: [String] = []
        let store = try SQLiteStore.open(try options(in: folder))
        let random = SeededRandom(seed: UInt64(first) + 7)
        for batch in stride(from: first, to: first + count, by: 100) {
            let records = (batch..<min(batch + 100, first + count)).map { place in
                let back: Int64 = place > first + count / 2 ? 3_600_000 : 0
                let kind = [RecordKind.intent, .judged, .lockdown][Int(random.next() % 3)]
                let city = Self.cities[Int(random.next() % 5)]
                let tool = ["read_file", "write_file"][Int(random.next() % 2)]
                let arguments = #"{"city":"\#(city)","n":\#(place)}"#
                said.append(kind == .lockdown ? tool : "\(city) \(tool)")
                return AuditRecord(
                    kind,
                    at: Timestamp(milliseconds: Self.start + Int64(place) * 1000 - back),
                    tenant: TenantID(unchecked: ["main", "acme"][Int(random.next() % 2)]),
                    environment: environment,
                    call: "c\(place / 2)",
                    principal: PrincipalName(unchecked: "agent-7"),
                    server: ServerName(unchecked: ["files", "mail"][Int(random.next() % 2)]),
                    tool: try? ToolName(tool),
                    detail: record(kind, arguments: arguments).detail
                )
            }
            _ = try await store.commit(Transaction(records: records))
        }
        await store.close()
        return said
    }

    private func ask(_ archive: LogArchive, _ query: SearchQuery) throws -> [UInt64] {
        var state = try archive.indexMore()
        while state.indexed < state.size { state = try archive.indexMore() }
        let answer = try archive.search(query)
        #expect(answer.isComplete)
        return answer.leaves.map(\.index)
    }

    @Test func `every question is answered as reading every record would answer it`() async throws {
        let said = try await fill(3000)
        let archive = try LogArchive(folder: folder.path, hashing)
        let all = try archive.leaves(from: 0, limit: 10_000)
        #expect(all.count == 3000)
        let random = SeededRandom(seed: 99)
        func one<Value>(_ values: [Value]) -> Value? {
            random.next() % 3 == 0 ? values[Int(random.next() % UInt64(values.count))] : nil
        }
        for round in 0..<200 {
            var query = SearchQuery()
            query.limit = 1000
            query.kind = one([.intent, .judged, .lockdown, .outcome])
            query.tenant = one([.main, TenantID(unchecked: "acme")])
            query.server = one([ServerName(unchecked: "files"), ServerName(unchecked: "mail")])
            query.tool = one([try ToolName("read_file"), try ToolName("write_file")])
            query.call = one(["c17", "c1400", "none"])
            query.before = one([5, 1500, 4000])
            let minute = Int64(random.next() % 60) * 60_000
            query.since = one([Timestamp(milliseconds: Self.start + minute)])
            query.until = one([Timestamp(milliseconds: Self.start + minute + 900_000)])
            let word = one(["zürich", "GALLEN", "read", "b"])
            query.words = word
            let expected = all.filter { leaf in
                guard query.matches(leaf), leaf.index < query.before ?? .max else { return false }
                guard let word else { return true }
                return said[Int(leaf.index)].lowercased()
                    .split { !$0.isLetter && !$0.isNumber }.contains { $0 == word.lowercased() }
            }
            let found = try ask(archive, query)
            let wanted = Array(expected.map(\.index).reversed().prefix(1000))
            #expect(found == wanted, "round \(round): \(query)")
        }
    }

    @Test(arguments: ["deleted", "text", "older", "torn", "in memory"])
    func `an index that is no use is built again`(state: String) async throws {
        try await fill(400)
        let path = folder.path + "/search.db"
        var query = SearchQuery()
        query.words = "zürich"
        query.limit = 1000
        var archive = try LogArchive(folder: folder.path, hashing)
        let before = try ask(archive, query)
        #expect(before.count > 20)
        try await fill(400, from: 400)
        if state == "in memory" {
            archive.indexInMemory()
            #expect(try ask(archive, query).count > before.count)
            #expect(try ask(archive, query).suffix(before.count) == before[...])
            return
        }
        archive = try LogArchive(folder: folder.path, hashing)
        switch state {
        case "deleted": unsafe unlink(path)
        case "text": try write(Array("no database".utf8), to: path)
        case "torn":
            var bytes = try #require(Corpus.bytes(path))
            for place in 4096..<bytes.count { bytes[place] = UInt8(truncatingIfNeeded: place) }
            try write(bytes, to: path)
        default:
            // What an earlier version left, down to the name of a table.
            unsafe unlink(path)
            try write(Self.older, to: path)
        }
        let found = try ask(archive, query)
        #expect(found.count > before.count)
        #expect(found.suffix(before.count) == before[...])
    }

    /// An SQLite database of one empty page with `user_version` 1 and one table is enough.
    private static var older: [UInt8] {
        var page = [UInt8](repeating: 0, count: 4096)
        page.replaceSubrange(0..<16, with: Array("SQLite format 3\0".utf8))
        page.replaceSubrange(16..<28, with: [0x10, 0, 1, 1, 0, 64, 32, 32, 0, 0, 0, 1])
        page.replaceSubrange(28..<32, with: [0, 0, 0, 1])
        page.replaceSubrange(44..<48, with: [0, 0, 0, 4])
        page.replaceSubrange(56..<64, with: [0, 0, 0, 1, 0, 0, 0, 1])
        page.replaceSubrange(92..<100, with: [0, 0, 0, 1, 0, 0x2e, 0x4f, 0x20])
        page.replaceSubrange(100..<108, with: [13, 0, 0, 0, 0, 0x10, 0, 0])
        return page
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = unsafe fopen(path, "wb")
        let opened = try unsafe #require(file)
        unsafe fwrite(bytes, 1, bytes.count, opened)
        unsafe fclose(opened)
    }
}
