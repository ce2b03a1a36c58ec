import Approval
import JSON
import Testing

/// What a shape covers: closed, argument by argument.
@Suite struct ShapeTests {
    private func form(_ text: String) throws -> CallForm {
        try CallForm(try JSONDocument(parsing: Array(text.utf8)).root)
    }

    private func shape(_ shown: String, _ vary: String) throws -> Shape {
        let document = try JSONDocument(parsing: Array(vary.utf8))
        return try Shape(shown: try form(shown).bytes, vary: document.root)
    }

    private static let shown =
        #"{"path":"/data/out/a.txt","text":"hi","tags":["x","y"],"deep":{"n":1,"on":true}}"#

    @Test(
        "covers",
        arguments: [
            (
                #"{"/text":true}"#,
                #"{"path":"/data/out/a.txt","text":"else","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/text":true}"#,
                #"{"path":"/data/./out//a.txt","text":"","tags":["x","y"],"deep":{"n":1.0,"on":true}}"#
            ),
            (
                #"{"/deep/on":true}"#,
                #"{"path":"/data/out/a.txt","text":"hi","tags":["x","y"],"deep":{"n":1,"on":false}}"#
            ),
            (
                #"{"/tags/1":{"one_of":["y","z"]}}"#,
                #"{"path":"/data/out/a.txt","text":"hi","tags":["x","z"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/deep/n":{"min":0,"max":5}}"#,
                #"{"path":"/data/out/a.txt","text":"hi","tags":["x","y"],"deep":{"n":5,"on":true}}"#
            ),
            (
                #"{"/path":{"glob":"/data/out/**"}}"#,
                #"{"path":"/data/out/b/c","text":"hi","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
        ]
    )
    func covers(vary: String, call: String) throws {
        #expect(try shape(Self.shown, vary).covers(try form(call)))
    }

    @Test(
        "a path that ends otherwise is another one",
        arguments: [
            ("/a/cur", "/a/cur/", false), ("/a/cur", "/a/cur/.", false),
            ("/a/cur/", "/a/cur", false),
            ("/a/cur/", "/a/cur/.", false), ("/a/cur", "/a//cur", true),
            ("/a/cur", "/a/./cur", true),
            ("/a/cur/", "/a//cur/", true), ("/a/cur/.", "/a/./cur/.", true), ("/", "/.", false),
        ]
    )
    func endings(shown: String, given: String, isCovered: Bool) throws {
        let shape = try shape(#"{"path":"\#(shown)","n":1}"#, #"{"/n":true}"#)
        #expect(shape.covers(try form(#"{"path":"\#(given)","n":2}"#)) == isCovered)
    }

    @Test(
        "does not cover",
        arguments: [
            // Another value, another kind, one key more, one key less, one element more.
            (
                #"{"/text":true}"#,
                #"{"path":"/data/out/b.txt","text":"hi","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/text":true}"#,
                #"{"path":"/data/out/a.txt","text":7,"tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/text":true}"#,
                #"{"path":"/data/out/a.txt","text":"hi","tags":["x","y"],"deep":{"n":1,"on":true},"more":1}"#
            ),
            (
                #"{"/text":true}"#,
                #"{"path":"/data/out/a.txt","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/text":true}"#,
                #"{"path":"/data/out/a.txt","text":"hi","tags":["x","y","z"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/text":{"maxLength":2}}"#,
                #"{"path":"/data/out/a.txt","text":"abc","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/deep/n":{"max":5}}"#,
                #"{"path":"/data/out/a.txt","text":"hi","tags":["x","y"],"deep":{"n":5.000000000000000000001,"on":true}}"#
            ),
            (
                #"{"/path":{"glob":"/data/out/**"}}"#,
                #"{"path":"/data/out/../x","text":"hi","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
            (
                #"{"/text":true}"#,
                #"{"path":"//data/out/a.txt","text":"hi","tags":["x","y"],"deep":{"n":1,"on":true}}"#
            ),
        ]
    )
    func doesNotCover(vary: String, call: String) throws {
        #expect(try !shape(Self.shown, vary).covers(try form(call)))
    }

    /// `é` in two spellings are two keys: Swift would call them equal.
    @Test func `keys are compared as bytes`() throws {
        let shape = try shape(#"{"caf\u00e9":"a","x":1}"#, #"{"/caf\u00e9":true}"#)
        #expect(shape.covers(try form(#"{"caf\u00e9":"b","x":1}"#)))
        #expect(!shape.covers(try form(#"{"cafe\u0301":"a","x":1}"#)))
    }

    @Test(
        "refuses",
        arguments: [
            (#"{"/nowhere":true}"#, ShapeError.noSuchArgument("/nowhere")),
            (#"{"":true}"#, .noSuchArgument("")),
            (#"{"/deep":true}"#, .notOneValue("/deep")),
            (#"{"/tags":true}"#, .notOneValue("/tags")),
            (#"{"/text":false}"#, .badDemand("/text")),
            (#"{"/text":{}}"#, .badDemand("/text")),
            (#"{"/text":{"like":"x"}}"#, .badDemand("/text")),
            (#"{"/path":{"glob":"out/*"}}"#, .badDemand("/path")),
            (#"{"/path":{"glob":"/etc/**"}}"#, .shownIsOutside("/path")),
            (#"[]"#, .tooMany),
        ]
    )
    func refuses(vary: String, error: ShapeError) throws {
        #expect(throws: error) { try shape(Self.shown, vary) }
    }
}
