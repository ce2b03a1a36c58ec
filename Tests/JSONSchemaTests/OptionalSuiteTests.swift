import JSON
import Patterns
import TestKit
import Testing

@testable import JSONSchema

/// The optional cases of the public JSON Schema test suite: those that hold, and of the others why
/// they stay out.
@Suite(
    .enabled(if: Corpus.has("json-schema-test-suite"), "corpus json-schema-test-suite is not here")
)
struct OptionalSuiteTests {
    typealias File = SuiteTests.File

    /// Cases that do not hold, as `file: group: case`, each with its reason.
    static let left: [String: String] = {
        let reasons: [String: [String]] = [
            // Draft-07 lets content keywords be annotations, as 2020-12 has them: what a text holds
            // is the tool's to read, and a schema of its content would be a second parser's work.
            "content is not looked into": [
                "draft7/optional/content.json: validation of string-encoded content based on media "
                    + "type: an invalid JSON document",
                "draft7/optional/content.json: validation of binary string-encoding: an invalid "
                    + "base64 string (% is not a valid character)",
                "draft7/optional/content.json: validation of binary-encoded media type documents: "
                    + "a validly-encoded invalid JSON document",
                "draft7/optional/content.json: validation of binary-encoded media type documents: "
                    + "an invalid base64 string that is valid JSON",
            ],
            // The referenced schema names 2019-09, which is not spoken: the schema is refused.
            "only draft-07 and 2020-12 are spoken": [
                "draft7/optional/cross-draft.json: refs to future drafts are processed as future "
                    + "drafts: missing bar is invalid",
                "draft7/optional/cross-draft.json: refs to future drafts are processed as future "
                    + "drafts: present bar is valid",
                "draft2020-12/optional/cross-draft.json: refs to historic drafts are processed as "
                    + "historic drafts: first item not a string is valid",
            ],
            // A dialect that requires it is refused, as an unknown vocabulary must be (2020-12,
            // core, 8.1.2); one that does not is read with formats as annotations.
            "formats are not asserted": [
                "draft2020-12/optional/format-assertion.json: schema that uses custom metaschema "
                    + "with format-assertion: false: format-assertion: false: invalid string",
                "draft2020-12/optional/format-assertion.json: schema that uses custom metaschema "
                    + "with format-assertion: true: format-assertion: true: valid string",
                "draft2020-12/optional/format-assertion.json: schema that uses custom metaschema "
                    + "with format-assertion: true: format-assertion: true: invalid string",
            ],
        ]
        var left: [String: String] = [:]
        for (reason, titles) in reasons { for title in titles { left[title] = reason } }
        return left
    }()

    static func files(in part: String) -> [File] {
        [("draft7", SchemaDraft.draft7), ("draft2020-12", .draft2020)].flatMap { folder, draft in
            Corpus.names(in: SuiteTests.folder + "/\(folder)/" + part)
                .filter { $0.hasSuffix(".json") }
                .map { File(folder: folder + "/" + part, name: $0, draft: draft) }
        }
    }

    @Test("agrees with every optional case that is not left out", arguments: files(in: "optional"))
    func agrees(file: File) throws {
        let compiler = SchemaCompiler(patterns: RegexEngine(), remotes: SuiteTests.remotes)
        for (group, test, title) in try Self.cases(of: file) {
            let holds =
                (try? compiler.compile(try #require(group["schema"]), draft: file.draft))
                .map { $0.accepts(test["data"] ?? group) == test["valid"]?.bool } ?? false
            #expect(holds == (Self.left[title] == nil), "\(title): \(Self.left[title] ?? "")")
        }
    }

    @Test func `what stays out is all there, ten cases of hundreds`() throws {
        let files = Self.files(in: "optional")
        let titles = try Set(files.flatMap { try Self.cases(of: $0).map(\.2) })
        #expect(Self.left.count == 10)
        #expect(Self.left.keys.allSatisfy { titles.contains($0) })
        #expect(titles.count > 200)
    }

    /// `format` says what a value is meant to be and refuses none (2020-12, validation, 7.2.1):
    /// what a server takes directly it takes through the gateway.
    @Test("takes formats as annotations", arguments: files(in: "optional/format"))
    func annotates(file: File) throws {
        let compiler = SchemaCompiler(patterns: RegexEngine(), remotes: SuiteTests.remotes)
        for (group, test, title) in try Self.cases(of: file) {
            let schema = try compiler.compile(try #require(group["schema"]), draft: file.draft)
            #expect(schema.accepts(try #require(test["data"])), "\(title)")
        }
    }

    private static func cases(of file: File) throws -> [(JSONNode, JSONNode, String)] {
        let path = "\(SuiteTests.folder)/\(file.folder)/\(file.name)"
        let root = try JSONDocument(parsing: try #require(Corpus.bytes(path))).root
        return root.elements.flatMap { group in
            (group["tests"].map { Array($0.elements) } ?? []).map { test in
                let names = [group["description"]?.string, test["description"]?.string]
                let title = names.compactMap { $0 }.joined(separator: ": ")
                return (group, test, "\(file.folder)/\(file.name): \(title)")
            }
        }
    }
}
