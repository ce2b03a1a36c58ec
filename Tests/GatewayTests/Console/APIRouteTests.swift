import Base
import JSON
import System
import Testing

@testable import Gateway

/// docs/openapi.json says what the table of routes says.
@Suite struct APIRouteTests {
    private struct Described: Equatable {
        var query: Set<String>
        var body: Set<String>
        var needsProof: Bool
    }

    private func file() throws -> JSONNode {
        let root = #filePath.components(upTo: "/Tests/GatewayTests")
        let bytes = try Files.read(root + "/docs/openapi.json", limit: 1 << 20)
        return try JSONDocument(parsing: bytes).root
    }

    @Test func `the described paths are those that are served, with the same members`() throws {
        let paths = try #require(try file()["paths"])
        var described: [String: Described] = [:]
        for (path, verbs) in paths.members {
            for (verb, operation) in verbs.members {
                var query: Set<String> = []
                for parameter in operation["parameters"]?.elements.map({ $0 }) ?? []
                where parameter["in"]?.isString("query") == true {
                    query.insert(try #require(parameter["name"]?.string))
                }
                let schema = operation["requestBody"]?["content"]?["application/json"]?["schema"]
                if let schema { #expect(schema["additionalProperties"]?.bool == false) }
                described["\(verb.text) \(path.text)"] = Described(
                    query: query,
                    body: Set(schema?["properties"]?.members.map(\.key.text) ?? []),
                    needsProof: operation["x-proof"]?.bool ?? false
                )
            }
        }
        // Answered by the endpoint itself, without a command.
        for own in [
            "post session", "get session", "delete session", "post session/proof", "get events",
        ] {
            let parts = own.split(separator: " ")
            #expect(described.removeValue(forKey: "\(parts[0]) /api/v1/\(parts[1])") != nil)
        }
        var served: [String: Described] = [:]
        for route in APIRoute.all {
            served["\(route.verb.rawValue) \(APIRoute.prefix)\(route.path)"] = Described(
                query: Set(route.query),
                body: Set(route.body),
                needsProof: route.gate == .proof
            )
        }
        #expect(served == described)
    }

    @Test func `every route leads to a command of the control socket`() {
        for route in APIRoute.all where route.command != APIRoute.export {
            #expect(ControlCommands.all[route.command] != nil, "\(route.command)")
        }
    }

    /// A session alone must not be enough for what changes who may decide.
    @Test func `what changes who may decide asks for the passphrase`() {
        let sensitive = [
            "tokens.issue", "approvers.add", "approvers.remove", "lockdown.lift",
            "configuration.accept",
        ]
        for route in APIRoute.all where sensitive.contains(route.command) {
            #expect(route.gate == .proof, "\(route.path)")
        }
        #expect(!APIRoute.all.contains { $0.command == "approvers.reset" })
    }
}

@Suite struct FigureBookTests {
    @Test func `a quantile is the upper bound of its bucket`() {
        var counts = [UInt64](repeating: 0, count: DurationHistogram.bounds.count + 1)
        #expect(FigureBook.quantile(0.5, counts) == nil)
        counts[0] = 99
        counts[4] = 1
        #expect(FigureBook.quantile(0.5, counts) == 50)
        #expect(FigureBook.quantile(0.99, counts) == 50)
        counts[4] = 2
        #expect(FigureBook.quantile(0.99, counts) == 1000)
        // Beyond every bound there is no upper one: the last is said.
        counts[counts.count - 1] = 1000
        #expect(FigureBook.quantile(0.99, counts) == 60_000_000)
    }

    @Test func `samples are what happened between two looks, the oldest make room`() {
        var book = FigureBook()
        var totals = FigureBook.Totals(verdicts: [0, 0, 0, 0], asked: 0)
        for number in 0...FigureBook.sampleCount + 2 {
            book.add(totals, at: Timestamp(milliseconds: Int64(number)))
            totals.verdicts[0] += UInt64(number)
            totals.asked += 1
        }
        let samples = book.inOrder
        #expect(samples.count == FigureBook.sampleCount)
        #expect(
            samples.map(\.at.milliseconds) == (3...Int64(FigureBook.sampleCount) + 2).map { $0 }
        )
        #expect(samples.last?.verdicts == [UInt64(FigureBook.sampleCount) + 1, 0, 0, 0])
        #expect(samples.last?.asked == 1)
    }

    @Test func `what is kept is shown again, with nothing where nothing ran`() {
        var book = FigureBook()
        var totals = FigureBook.Totals(verdicts: [0, 0, 0, 0], asked: 0)
        let start = Timestamp(milliseconds: 1_785_585_600_000)
        var kept: [FigureBook.Block: [UInt8]] = [:]
        func keep() {
            for (block, value) in book.takeUnkept() { kept[block] = value?.serialised() }
        }
        for number in 0..<90 {
            book.add(totals, at: start.advanced(by: .seconds(10 * number)))
            // The first ten minutes are busy, then only one look is.
            if number < 60 || number == 70 { totals.verdicts[0] += 1 }
        }
        keep()
        #expect(kept.count == 2)
        #expect(book.takeUnkept().isEmpty)
        let before = book.inOrder
        let later = start.advanced(by: .seconds(1800))
        book = FigureBook(restoring: kept.values.flatMap(FigureBook.samples), at: later)
        #expect(book.inOrder.count(where: { !$0.isEmpty }) == 61)
        let busy = before.filter { !$0.isEmpty }
        #expect(book.inOrder.filter { !$0.isEmpty } == busy)
        // Evenly spaced, up to now.
        let times = book.inOrder.map(\.at)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1.duration(since: $0) == .seconds(10) })
        #expect((times.last?.duration(since: later)).map { $0 > .seconds(-20) } == true)
        // What is older than is shown goes, and what a clock that was set back left behind.
        let evening = start.advanced(by: .seconds(6 * 3600 + 700))
        book = FigureBook(restoring: kept.values.flatMap(FigureBook.samples), at: evening)
        keep()
        #expect(kept.count == 1)
        book = FigureBook(
            restoring: kept.values.flatMap(FigureBook.samples),
            at: start.advanced(by: .seconds(-60))
        )
        #expect(book.inOrder.isEmpty)
        book.add(totals, at: start.advanced(by: .seconds(-60)))
        totals.verdicts[0] += 1
        book.add(totals, at: start.advanced(by: .seconds(-50)))
        let changes = book.takeUnkept()
        #expect(changes.map { $0.value == nil } == [true, false])
        for text in ["", "{}", #"{"figures":1,"samples":[[1],[1,-1,0,0,0,0,null,null],7]}"#] {
            #expect(FigureBook.samples(in: Array(text.utf8)).isEmpty)
        }
    }
}

@Suite struct CallFeedTests {
    @Test func `the newest records are read and the others counted`() {
        var feed = CallFeed()
        func taken(upTo size: UInt64) -> [UInt64] {
            let (range, skipped) = feed.take(upTo: size)
            return [range.lowerBound, range.upperBound, skipped]
        }
        // What was there before somebody looked is not news.
        #expect(taken(upTo: 5000) == [5000, 5000, 0])
        #expect(taken(upTo: 5003) == [5000, 5003, 0])
        #expect(taken(upTo: 5003) == [5003, 5003, 0])
        #expect(taken(upTo: 6003) == [5883, 6003, 880])
        feed.forget()
        #expect(taken(upTo: 7000) == [7000, 7000, 0])
    }
}

extension String {
    /// What stands before the first occurrence of `mark`.
    fileprivate func components(upTo mark: String) -> String {
        firstRange(of: mark).map { String(self[..<$0.lowerBound]) } ?? self
    }
}
