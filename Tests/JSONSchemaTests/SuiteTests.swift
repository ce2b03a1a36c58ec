import JSON
import Patterns
import TestKit
import Testing

@testable import JSONSchema

/// The required cases of the public JSON Schema test suite, each file as it stands.
@Suite(
    .enabled(if: Corpus.has("json-schema-test-suite"), "corpus json-schema-test-suite is not here")
)
struct SuiteTests {
    static let folder = Corpus.folder("json-schema-test-suite") ?? ""

    struct File: CustomTestStringConvertible, Sendable {
        var folder: String
        var name: String
        var draft: SchemaDraft
        var testDescription: String { "\(folder)/\(name)" }
    }

    static let files: [File] = [("draft7", SchemaDraft.draft7), ("draft2020-12", .draft2020)]
        .flatMap { folder, draft in
            Corpus.names(in: Self.folder + "/" + folder).filter { $0.hasSuffix(".json") }
                .map { File(folder: folder, name: $0, draft: draft) }
        }

    /// Every remote of the suite, under the address its tests use.
    static let remotes: [String: JSONDocument] = documents(in: "", named: "http://localhost:1234")

    private static func documents(in path: String, named name: String) -> [String: JSONDocument] {
        var result: [String: JSONDocument] = [:]
        for entry in Corpus.names(in: folder + "/remotes" + path) {
            let next = path + "/" + entry
            guard entry.hasSuffix(".json") else {
                result.merge(documents(in: next, named: name + "/" + entry)) { first, _ in first }
                continue
            }
            guard let bytes = Corpus.bytes(folder + "/remotes" + next),
                let document = try? JSONDocument(parsing: bytes)
            else { continue }
            result[name + "/" + entry] = document
        }
        return result
    }

    @Test("agrees with every required case", arguments: files)
    func agrees(file: File) throws {
        let bytes = try #require(Corpus.bytes(Self.folder + "/\(file.folder)/\(file.name)"))
        let compiler = SchemaCompiler(patterns: RegexEngine(), remotes: Self.remotes)
        var count = 0
        for group in try JSONDocument(parsing: bytes).root.elements {
            let title = group["description"]?.string ?? "?"
            let schema: CompiledSchema
            do {
                schema = try compiler.compile(try #require(group["schema"]), draft: file.draft)
            } catch {
                Issue.record("\(file.testDescription): \(title): \(error)")
                continue
            }
            for test in try #require(group["tests"]).elements {
                count += 1
                let value = try #require(test["data"])
                let expected = test["valid"]?.bool
                let name = "\(title): \(test["description"]?.string ?? "?")"
                #expect(schema.accepts(value) == expected, "\(name)")
                if expected == false {
                    // Whatever fails has something to say.
                    #expect(throws: SchemaFailure.self, "\(name)") { try schema.validate(value) }
                }
            }
        }
        #expect(count > 0)
    }

    @Test func `both drafts and their remotes are all there`() throws {
        #expect(Self.files.filter { $0.draft == .draft7 }.count == 37)
        #expect(Self.files.filter { $0.draft == .draft2020 }.count == 46)
        #expect(Self.remotes.count > 40)
        #expect(try Self.caseCount(of: .draft7) == 927)
        #expect(try Self.caseCount(of: .draft2020) == 1299)
    }

    private static func caseCount(of draft: SchemaDraft) throws -> Int {
        var count = 0
        for file in files where file.draft == draft {
            let bytes = try #require(Corpus.bytes("\(folder)/\(file.folder)/\(file.name)"))
            for group in try JSONDocument(parsing: bytes).root.elements {
                count += group["tests"]?.count ?? 0
            }
        }
        return count
    }
}
