import JSON
import TestKit
import Testing

/// nst/JSONTestSuite as it is.
@Suite(.enabled(if: Corpus.has("json-test-suite"), "corpus json-test-suite is not here"))
struct SuiteTests {
    /// The outcome of a file: "accepted" or the error's name and offset.
    private func outcome(_ path: String) throws -> String {
        let folder = try #require(Corpus.folder("json-test-suite"))
        let bytes = try #require(Corpus.bytes(folder + "/" + path))
        do throws(JSONError) {
            _ = try JSONDocument(parsing: bytes)
            return "accepted"
        } catch {
            return
                "\(Mirror(reflecting: error).children.first?.label ?? "")(offset: \(error.offset))"
        }
    }

    private func names(_ prefix: String) throws -> [String] {
        let folder = try #require(Corpus.folder("json-test-suite"))
        return Corpus.names(in: folder + "/test_parsing").filter { $0.hasPrefix(prefix) }
    }

    /// RFC 8259 section 4 leaves a repeated name to the receiver, so two of the files follow its
    /// grammar and are refused all the same: for that reason alone, found after everything else.
    @Test func `each of the 95 y files follows the grammar, and only repeated keys are refused`()
        throws
    {
        let files = try names("y_")
        #expect(files.count == 95)
        let refused = try files.filter { try outcome("test_parsing/" + $0) != "accepted" }
        #expect(
            refused == ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
        )
        for file in refused {
            #expect(try outcome("test_parsing/" + file) == "duplicateKey(offset: 9)")
        }
    }

    @Test func `each of the 188 n files is refused`() throws {
        let files = try names("n_")
        #expect(files.count == 188)
        #expect(try files.filter { try outcome("test_parsing/" + $0) == "accepted" } == [])
    }

    /// Numbers are text, so every size is taken; everything that is not clean UTF-8 text of whole
    /// characters is refused.
    @Test func `what the standard leaves open is decided once`() throws {
        let golden = "Tests/Golden/json/left-open.txt"
        let table = try #require(Corpus.bytes(Corpus.packageRoot + "/" + golden))
        let expected = text(table).split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
            String($0)
        }
        let actual = try names("i_").map { "\($0) \(try outcome("test_parsing/" + $0))" }
        #expect(actual.count == 35)
        #expect(actual == expected)
    }

    @Test(
        "a text that parsers are known to transform is refused or kept byte for byte",
        arguments: [
            ("number_-9223372036854775808", "accepted"),
            ("number_-9223372036854775809", "accepted"),
            ("number_1.0", "accepted"),
            ("number_1.000000000000000005", "accepted"),
            ("number_1000000000000000", "accepted"),
            ("number_10000000000000000999", "accepted"),
            ("number_1e-999", "accepted"),
            ("number_1e6", "accepted"),
            ("number_9223372036854775807", "accepted"),
            ("number_9223372036854775808", "accepted"),
            ("object_key_nfc_nfd", "accepted"),
            ("object_key_nfd_nfc", "accepted"),
            ("object_same_key_different_values", "duplicateKey(offset: 7)"),
            ("object_same_key_same_value", "duplicateKey(offset: 7)"),
            ("object_same_key_unclear_values", "duplicateKey(offset: 8)"),
            ("string_1_escaped_invalid_codepoint", "loneSurrogate(offset: 2)"),
            ("string_1_invalid_codepoint", "invalidUTF8(offset: 2)"),
            ("string_2_escaped_invalid_codepoints", "loneSurrogate(offset: 2)"),
            ("string_2_invalid_codepoints", "invalidUTF8(offset: 2)"),
            ("string_3_escaped_invalid_codepoints", "loneSurrogate(offset: 2)"),
            ("string_3_invalid_codepoints", "invalidUTF8(offset: 2)"),
            ("string_with_escaped_NULL", "accepted"),
        ]
    )
    func transforms(name: String, expected: String) throws {
        #expect(try outcome("test_transform/\(name).json") == expected)
        guard expected == "accepted" else { return }
        let folder = try #require(Corpus.folder("json-test-suite"))
        let bytes = try #require(Corpus.bytes(folder + "/test_transform/\(name).json"))
        let document = try JSONDocument(parsing: bytes)
        #expect(tree(document.root) == ReferenceReader.read(bytes))
    }
}

/// The vectors of RFC 8785's author.
@Suite(.enabled(if: Corpus.has("jcs"), "corpus jcs is not here"))
struct CanonicalSuiteTests {
    @Test(
        "canonical bytes are those of the vectors",
        arguments: ["arrays", "french", "structures", "unicode", "values", "weird"]
    )
    func canonical(name: String) throws {
        let folder = try #require(Corpus.folder("jcs"))
        let input = try #require(Corpus.bytes(folder + "/input/\(name).json"))
        let output = try #require(Corpus.bytes(folder + "/output/\(name).json"))
        let hex = try #require(Corpus.bytes(folder + "/outhex/\(name).txt"))
        let digits = text(hex).split { $0 == " " || $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
        let canonical = try RFC8785.canonical(try JSONDocument(parsing: input).root)
        #expect(canonical == output)
        #expect(canonical == digits.compactMap { UInt8($0, radix: 16) })
        // Every number of these vectors is what its double prints: the call form is the same.
        #expect(try CallForm(try JSONDocument(parsing: output).root).bytes == output)
    }
}
