import Base
import Egress
import JSON
import Testing

private let standIn = "ghp_placeholder"
private let value = "r/e al+\"ü"

private func binding(
    _ place: SecretPlace,
    _ template: SecretBinding.Template = .plain
) throws -> SecretBinding {
    SecretBinding(
        secret: "token",
        rule: try EgressRule("api.example.com"),
        place: place,
        template: template,
        methods: []
    )
}

private struct Exchange: Equatable {
    let rest: String
    let sent: String?
}

private func exchange(
    _ text: String,
    _ content: SecretSwap.Content,
    _ bindings: [SecretBinding]
) -> Exchange? {
    let swap = SecretSwap(Array(text.utf8), as: content, bindings) {
        $0 == "token" ? Array(standIn.utf8) : nil
    }
    guard !swap.bindings.isEmpty else {
        #expect(swap.rest.elementsEqual(text.utf8))
        return nil
    }
    return Exchange(
        rest: String(decoding: swap.rest, as: UTF8.self),
        sent: swap.filled(with: ["token": Array(value.utf8)])
            .map { String(decoding: $0, as: UTF8.self) }
    )
}

@Suite struct SecretSwapTests {
    private static let written = "r%2Fe%20al%2B%22%C3%BC"

    @Test func `a parameter that is the whole template is exchanged`() throws {
        let key = [try binding(.query("api key"))]
        for name in ["api+key", "api%20key", "%61pi%20key"] {
            #expect(
                exchange("/a?x=1&\(name)=\(standIn)&y", .address, key)
                    == Exchange(
                        rest: "/a?x=1&\(name)=&y",
                        sent: "/a?x=1&\(name)=\(Self.written)&y"
                    )
            )
        }
        #expect(exchange("/?api+key=%67hp_placeholder", .address, key) != nil)
        let framed = [try binding(.query("k"), try #require(.init("v1 {secret};")))]
        #expect(
            exchange("/?k=v1+\(standIn)%3B", .address, framed)?.sent
                == "/?k=v1%20\(Self.written)%3B"
        )
    }

    @Test(
        "nothing else of an address is",
        arguments: [
            "/?other=TOKEN", "/?key=TOKEN%20", "/?key=xTOKEN", "/?Key=TOKEN", "/?key=TOKEN&key=1",
            "/?key=TOKEN&%6bey=TOKEN", "/key=TOKEN", "/TOKEN", "/?TOKEN", "/?key=%zzTOKEN", "/?key",
            "/", "/?", "/?=TOKEN", "/?key=TOKEN%00",
        ]
    )
    func notExchanged(target: String) throws {
        let text = target.replacing("TOKEN", with: standIn)
        #expect(exchange(text, .address, [try binding(.query("key"))]) == nil)
        #expect(exchange("/?key=\(standIn)", .address, [try binding(.form("key"))]) == nil)
        #expect(exchange("/?key=\(standIn)", .address, [try binding(.header("key"))]) == nil)
    }

    @Test func `a form's field is exchanged, and no address is looked for in it`() throws {
        let bindings = [try binding(.form("secret")), try binding(.query("q"))]
        #expect(
            exchange("id=7&secret=\(standIn)", .form, bindings)
                == Exchange(rest: "id=7&secret=", sent: "id=7&secret=\(Self.written)")
        )
        #expect(exchange("q=\(standIn)", .form, bindings) == nil)
        #expect(exchange("?secret=\(standIn)", .form, bindings) == nil)
    }

    @Test func `a form of more fields than anybody writes is not taken apart`() throws {
        let key = [try binding(.form("k"))]
        let fields = Array(repeating: "a=1", count: Limits.secretFieldCount - 1)
        let text = (fields + ["k=\(standIn)"]).joined(separator: "&")
        #expect(exchange(text, .form, key)?.sent?.hasSuffix("&k=\(Self.written)") == true)
        #expect(exchange("a=1&" + text, .form, key) == nil)
    }

    @Test func `a whole string of JSON is exchanged`() throws {
        let bindings = [try binding(.json(try JSONPointer("/auth/0/key")))]
        let text = #"{ "a": "b", "auth": [{"key" : "\u0067hp_placeholder", "n": 1}] }"#
        let found = try #require(exchange(text, .json, bindings))
        #expect(found.rest == #"{ "a": "b", "auth": [{"key" : , "n": 1}] }"#)
        let sent = try JSONDocument(parsing: Array(try #require(found.sent).utf8))
        #expect(sent.root["auth"]?.element(at: 0)?["key"]?.string == value)
        #expect(sent.root["a"]?.string == "b")
        for text in [
            #"{"auth":[{"key":"x TOKEN"}]}"#, #"{"auth":[{"key":["TOKEN"]}]}"#,
            #"{"auth":[{"key":"TOKEN","key":"TOKEN"}]}"#, #"{"auth":[{"kez":"TOKEN"}]}"#,
            #"{"auth":{"0":{"key2":"TOKEN"}}}"#, #"{"auth":[{"key":"TOKEN"}]"#, "\"TOKEN\"", "",
            #"{"auth":[{"key":"TOKEN"}]} x"#, #"{"TOKEN":[{"key":"1"}]}"#,
        ] {
            #expect(exchange(text.replacing("TOKEN", with: standIn), .json, bindings) == nil)
        }
    }

    @Test func `what is no text is not written into JSON`() throws {
        let swap = SecretSwap(
            Array(#"{"k":"ghp_placeholder"}"#.utf8),
            as: .json,
            [try binding(.json(try JSONPointer("/k")))]
        ) { _ in Array(standIn.utf8) }
        #expect(swap.filled(with: ["token": [0xff, 0xfe]]) == nil)
        #expect(swap.filled(with: [:]) == nil)
    }

    @Test func `two secrets stand in one body`() throws {
        let other = SecretBinding(
            secret: "other",
            rule: try EgressRule("api.example.com"),
            place: .form("b"),
            template: .plain,
            methods: []
        )
        let swap = SecretSwap(
            Array("b=two&a=one".utf8),
            as: .form,
            [try binding(.form("a")), other]
        ) {
            Array(($0 == "token" ? "one" : "two").utf8)
        }
        #expect(swap.bindings.map(\.secret) == ["other", "token"])
        let filled = swap.filled(with: ["token": Array("1".utf8), "other": Array("2".utf8)])
        #expect(filled.map { String(decoding: $0, as: UTF8.self) } == "b=2&a=1")
    }
}
