import Approval
import Base
import JSON
import Testing

@Suite struct TraitTests {
    private func form(_ text: String) throws -> CallForm {
        try CallForm(JSONDocument(parsing: Array(text.utf8)).root)
    }

    private func card(_ text: String, _ context: CardContext = CardContext()) throws -> Card {
        var book = book()
        let form = String(decoding: try form(text).bytes, as: UTF8.self)
        _ = book.handle(.asked(ask(callForm: form), by: waiter(1), fresh: ticket(1)), at: at(0))
        return Card(of: try #require(book.question(ticket(1))), in: context)
    }

    @Test(
        "finds where a call would reach",
        arguments: [
            (
                #"{"url":"https://API.Example.com:8443/x"}"#, CallTraits.Kind.host,
                ["api.example.com"]
            ),
            (#"{"u":"http:\\\\evil.test\\@good.test/"}"#, .host, ["evil.test"]),
            (#"{"u":"https://good.test@evil.test/"}"#, .host, ["evil.test"]),
            (#"{"u":"http://0x7f.1/"}"#, .host, ["127.0.0.1"]),
            (#"{"u":" HTTP:/evil.test"}"#, .host, ["evil.test"]),
            (#"{"u":"https://ev\til.test"}"#, .host, ["evil.test"]),
            (#"{"u":"postgres://me@db.test:5432/x"}"#, .host, ["db.test"]),
            (#"{"u":"https://exa\u0430mple.test/"}"#, .host, ["(unreadable) exa\u{430}mple.test"]),
            (#"{"host":"h.test:22"}"#, .host, ["h.test"]),
            (#"{"to":["A@x.test","b@y.test","A@x.test"]}"#, .recipient, ["a@x.test", "b@y.test"]),
            (#"{"note":"ana@x.test"}"#, .recipient, ["ana@x.test"]),
            (##"{"channel":"#ops"}"##, .recipient, ["#ops"]),
            (#"{"path":"/a/b/c.txt"}"#, .folder, ["/a/b"]),
            (#"{"x":{"file_path":"notes.md"}}"#, .folder, ["."]),
            (#"{"x":"../up/y"}"#, .folder, ["../up"]), (#"{"dir":"/data"}"#, .folder, ["/data"]),
            (#"{"sql":"DELETE FROM Users u WHERE 1 = 1"}"#, .table, ["users"]),
            (#"{"query":"select * from a, b"}"#, .table, ["a", "b"]),
        ] as [(String, CallTraits.Kind, [String])]
    )
    func finds(_ text: String, _ kind: CallTraits.Kind, _ values: [String]) throws {
        let traits = CallTraits(try form(text))
        #expect(traits.values[kind]?.map(\.text) == values)
        #expect(traits.values.count == 1)
    }

    @Test func `what is seen for the first time is said, and what is usual besides`() throws {
        var usual = Usual()
        let good = CallTraits(try form(#"{"url":"https://good.test/a"}"#))
        let evil = CallTraits(try form(#"{"url":"https://evil.test/a"}"#))
        #expect(usual.remarks(on: good) == ["the first call of this tool that is remembered"])
        // The third brings nothing new: it is not worth writing.
        let isNews = [usual.note(good), usual.note(good), usual.note(good)]
        #expect(isNews == [true, true, false])
        #expect(usual.remarks(on: good) == [])
        #expect(
            usual.remarks(on: evil)
                == ["first host of its name: evil.test; usual: good.test (3)"]
        )
    }

    @Test func `a call far larger than any before is said to be`() throws {
        var usual = Usual()
        let small = CallTraits(try form(#"{"a":"x"}"#))
        _ = usual.note(small)
        let at = CallTraits(try form(#"{"a":""# + String(repeating: "x", count: 1016) + #""}"#))
        let over = CallTraits(try form(#"{"a":""# + String(repeating: "x", count: 1017) + #""}"#))
        #expect(at.byteCount == 1024)
        #expect(usual.remarks(on: at) == [])
        #expect(
            usual.remarks(on: over)
                == ["1025 bytes of arguments; the largest of 1 calls before had 9"]
        )
    }

    @Test func `what is usual is bounded, kept, and read back`() throws {
        var usual = Usual()
        for number in 0..<100 {
            _ = usual.note(CallTraits(try form(#"{"url":"https://h\#(number).test/"}"#)))
        }
        let first = CallTraits(try form(#"{"url":"https://h0.test/"}"#))
        let last = CallTraits(try form(#"{"url":"https://h99.test/"}"#))
        #expect(usual.remarks(on: first).count == 1)
        #expect(usual.remarks(on: last) == [])
        let document = try JSONDocument(parsing: usual.value.serialised())
        #expect(try Usual(json: document.root) == usual)
        #expect(throws: KeptFormError.self) {
            try Usual(json: JSONDocument(parsing: Array(#"{"usual":2}"#.utf8)).root)
        }
    }

    @Test func `two spellings of one letter are two places`() throws {
        var usual = Usual()
        _ = usual.note(CallTraits(try form(#"{"path":"/caf\u00e9/x"}"#)))
        let other = CallTraits(try form(#"{"path":"/cafe\u0301/x"}"#))
        #expect(usual.remarks(on: other).count == 1)
    }

    @Test func `a request is shown as it goes out, without its secrets`() throws {
        let text = ##"""
            {"method":"post","url":"https://good.test@10.0.0.7:8080/x","body":"abc",
            "headers":{"Authorization":"Bearer s3cret","X-Api-Key":"k","Accept":"a\r\nb"}}
            """##
        let lines = try card(text)[.request]
        #expect(lines[0].text == "POST https://good.test@10.0.0.7:8080/x")
        #expect(lines[1].text == "to 10.0.0.7 port 8080")
        #expect(lines.contains(.init(.alarm, "an address that is private")))
        #expect(lines.contains { $0.mark == .alarm && $0.text.contains("before `@`") })
        #expect(lines.contains(.init(.plain, "Authorization: (a secret of 13 bytes)")))
        #expect(lines.contains(.init(.plain, "X-Api-Key: (a secret of 1 bytes)")))
        #expect(lines.contains(.init(.plain, #"Accept: a\r\nb"#)))
        #expect(lines.contains(.init(.plain, "a body of 3 bytes")))
        #expect(try card(#"{"url":"mailto:x@y.test"}"#)[.request] == [])
    }

    @Test func `SQL is told, or said not to be understood`() throws {
        let lines = try card(#"{"sql":"DELETE FROM users; SELECT 1"}"#)[.statement]
        #expect(
            lines == [
                .init(.alarm, "2 statements"),
                .init(.alarm, "DELETE changes data; writes users"),
                .init(.alarm, "no condition: every row"), .init(.plain, "SELECT reads"),
            ]
        )
        let odd = try card(#"{"sql":"SELECT 'a\\' FROM x'"}"#)[.statement]
        #expect(odd.count == 1)
        #expect(odd.first?.mark == .alarm)
        #expect(odd.first?.text.hasPrefix("not understood: ") == true)
        #expect(try card(#"{"query":"repo:x is:open"}"#)[.statement] == [])
    }

    @Test func `a file that would be written is compared with what stands there`() throws {
        let old = (1...20).map { "line \($0)" }.joined(separator: "\n")
        let new = old.replacing("line 10", with: "line ten\u{202e}")
        var object = JSONObject()
        object["path"] = "/work/a.txt"
        object["content"] = JSONValue(new)
        let text = String(decoding: JSONValue.object(object).serialised(), as: UTF8.self)
        #expect(CardReading.writtenPaths(try form(text)) == ["/work/a.txt"])
        var context = CardContext()
        context.files = ["/work/a.txt": .text(old)]
        #expect(
            try card(text, context)[.file] == [
                .init(.folded, "7 unchanged lines"), .init(.plain, "line 8"),
                .init(.plain, "line 9"), .init(.removed, "line 10"),
                .init(.added, "line ten\\u{202e}"), .init(.plain, "line 11"),
                .init(.plain, "line 12"), .init(.folded, "8 unchanged lines"),
            ]
        )
        context.files = ["/work/a.txt": .missing]
        #expect(try card(text, context)[.file].map(\.text) == ["a new file: there is none now"])
        #expect(try card(text)[.file].first?.text.hasPrefix("not compared") == true)
    }

    @Test func `edits of a file are shown as lines that go and come`() throws {
        let text = #"{"path":"/a","edits":[{"oldText":"a\nb","newText":"a\nc"}]}"#
        #expect(
            try card(text)[.file]
                == [.init(.plain, "a"), .init(.removed, "b"), .init(.added, "c")]
        )
        #expect(CardReading.writtenPaths(try form(text)) == [])
    }

    @Test func `what was done before stands on the card, the newest last`() throws {
        var context = CardContext()
        context.before = [
            EarlierCall(time: "t1", tool: "web.fetch", outcome: "ok"),
            EarlierCall(time: "t2", tool: "mail.\u{202e}send", outcome: "refused"),
        ]
        #expect(
            try card("{}", context)[.before].map(\.text)
                == ["t1  web.fetch  ok", "t2  mail.\\u{202e}send  refused"]
        )
    }

    /// Any two texts: what stays and goes is the old one, what stays and comes the new one.
    @Test func `a comparison is true to both texts`() throws {
        var state: UInt64 = 3
        func text() -> String {
            (0..<12).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return ["a", "b", "c"][Int(state >> 40) % 3]
            }
            .joined(separator: "\n")
        }
        for _ in 0..<200 {
            let (old, new) = (text(), text())
            var object = JSONObject()
            object["path"] = "/f"
            object["content"] = JSONValue(new)
            var context = CardContext()
            context.files = ["/f": .text(old)]
            let json = String(decoding: JSONValue.object(object).serialised(), as: UTF8.self)
            let lines = try card(json, context)[.file]
            guard old != new else { continue }
            let isWhole = !lines.contains { $0.mark == .folded }
            guard isWhole else { continue }
            let kept = lines.filter { $0.mark != .added }.map(\.text).joined(separator: "\n")
            let made = lines.filter { $0.mark != .removed }.map(\.text).joined(separator: "\n")
            #expect(kept == old)
            #expect(made == new)
        }
    }
}
