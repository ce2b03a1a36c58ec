import JSON
import MCP
import Policy
import TestKit
import Testing

@testable import Gateway

@Suite struct DeniedNamesTests {
    private let denied = DenyPaths(DenyPath.standard + [try? DenyPath("*.pem")].compactMap(\.self))

    /// What is left of a result, as JSON; nil where it stays as it came.
    private func left(
        _ result: String,
        of kind: OfferKind = .tool,
        listing: Bool = false
    ) throws -> (text: String?, count: Int) {
        var names = DeniedNames(denied, isListing: listing)
        let root = try JSONDocument(parsing: Array(result.utf8)).root
        let bytes = names.taken(from: root, of: kind)
        return (bytes.map { String(decoding: $0, as: UTF8.self) }, names.count)
    }

    private func text(_ lines: String) -> String {
        var writer = JSONWriter()
        writer.string(lines)
        let token = String(decoding: writer.bytes, as: UTF8.self)
        return #"{"content":[{"type":"text","text":\#(token)}]}"#
    }

    @Test func `what names nothing denied stays byte for byte`() throws {
        for result in [
            #"{"content": [ {"type":"text","text":"a"} ], "structuredContent": {"a": [1, "b/c", {}]} }"#,
            #"{"content":[]}"#, #"{}"#, #"{"structuredContent":".."}"#,
            #"{"content":[{"type":"resource_link","uri":"file:///data/a.txt","name":"a"}]}"#,
        ] {
            let left = try left(result, listing: true)
            #expect(left.text == nil && left.count == 0, "\(result)")
        }
    }

    /// The look at bytes may say yes too often, and no never too often: what stands in any place a
    /// careful reading takes a path from is found by it, too.
    @Test func `a look at the bytes overlooks nothing the careful reading finds`() throws {
        let denied = DenyPaths(DenyPath.standard + [try DenyPath("secret.txt")])
        let names = [
            ".env", ".ENV", ".ssh", "etc/passwd", "/etc/passwd", ".git/config", "secret.txt", "a",
        ]
        let marks = [
            "", " ", "/", "- ", "* `", "[FILE] ", "[FILE]", "x -> ", "M  ", ":", "=", "@", "|",
            "a/",
            "-", "'", "+", "--file=", "  ", "(", ",", "{", "\t", "├── ", "%2e", "b ",
        ]
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        var found = 0
        for _ in 0..<20_000 {
            let line = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                (marks.randomElement(using: &random) ?? "")
                    + (names.randomElement(using: &random) ?? "")
            }.joined()
            let bytes = Array(line.utf8)
            let isNamed =
                denied.match(bytes) != nil
                || ListingLine.paths(in: bytes[...]).contains { denied.match(Array($0)) != nil }
            guard isNamed else { continue }
            found += 1
            #expect(
                denied.mayMatch(anywhereIn: Array(text(line).utf8)[...]),
                "\(line), seed \(seed)"
            )
        }
        #expect(found > 1000)
        let filler = String(repeating: "put 12 things into the box, and then ", count: 4)
        for length in 0..<filler.count {
            let line = String(filler.prefix(length))
            for name in [".env", "\"/etc/passwd", "x .AWS/key", "\u{e9}", "\\.ssh"] {
                let bytes = Array("\(line)\(name)\(filler)".utf8)
                let isInside = line.last.map { $0.isLetter || $0.isNumber } ?? false
                let isPlain = isInside && name == ".env"
                #expect(denied.mayMatch(anywhereIn: bytes[...]) == !isPlain, "\(line)\(name)")
            }
            #expect(!denied.mayMatch(anywhereIn: Array((line + filler).utf8)[...]), "\(line)")
        }
        for plain in ["[FILE] env", "environment", "a/b c", "put it into the box", "12:00 done."] {
            #expect(!denied.mayMatch(anywhereIn: Array(text(plain).utf8)[...]), "\(plain)")
        }
    }

    @Test(
        arguments: [
            (".env", true), ("[FILE] .env", true), ("[DIR] .ssh", true), ("docs/.env", true),
            ("  ├── .env", true), ("│   └── .aws", true), ("- /data/.ENV", true),
            ("* `.env`", true),
            ("-rw-r--r-- 1 mcp mcp 12 Jan  1 10:00 .env", true), (" M config/.env", true),
            ("?? .env", true), ("\tnew file:   .env", true), ("deep/key.pem", true),
            ("config/.env:12:TOKEN=1", true), ("link -> .ssh/id", true), (".env/", true),
            ("C:\\Users\\me\\.ssh\\id", true), ("file:///data/%2eenv", true), ("'.env',", true),
            ("a.txt", false), ("[FILE] env", false),
            ("-rw-r--r-- 1 mcp mcp 12 Jan  1 10:00 a", false),
            ("put the key into .env before you start it", false), ("", false),
            ("environment", false),
        ]
    )
    func `lines of a listing`(_ line: String, _ isGone: Bool) throws {
        let left = try left(text("before\n\(line)\nafter"), listing: true)
        #expect(left.count == (isGone ? 1 : 0), "\(line)")
        #expect(left.text == (isGone ? text("before\nafter") : nil))
    }

    @Test func `the text of a file keeps its lines`() throws {
        let file = try left(text("node_modules\n.env\n"))
        #expect(file.text == nil && file.count == 0)
        // JSON too, unless it is what the structured content says.
        #expect(try left(text(#"{"files":[".env"]}"#)).text == nil)
        let both =
            #"{"content":[{"type":"text","text":"[\".env\",\"a\"]"}],"structuredContent":[".env","a"]}"#
        #expect(
            try left(both).text
                == #"{"content":[{"type":"text","text":"[\"a\"]"}],"structuredContent":["a"]}"#
        )
    }

    @Test func `entries of structured content go whole`() throws {
        let result = #"""
            {"structuredContent":{"files":["a",".env","b/.ssh/id"],"found":[{"path":"/data/.env","size":1},
            {"path":"/data/a","size":2}],"by":{".env":{"x":1},"a":{"x":2}},"first":".env","said":"see .env"}}
            """#
        let left = try left(result)
        #expect(
            left.text
                == #"{"structuredContent":{"files":["a"],"found":[{"path":"/data/a","size":2}],"#
                + #""by":{"a":{"x":2}},"first":"","said":"see .env"}}"#
        )
        #expect(left.count == 5)
    }

    @Test func `blocks that link to what is denied`() throws {
        let result =
            #"{"content":[{"type":"resource_link","uri":"file:///data/.env","name":"e"},"#
            + #"{"type":"resource","resource":{"uri":"file:///d/.ssh/id","text":"k"}},{"type":"text","text":"a"}]}"#
        #expect(try left(result).text == #"{"content":[{"type":"text","text":"a"}]}"#)
        let read =
            #"{"contents":[{"uri":"file:///d/a.pem","text":"k"},{"uri":"file:///d/a","text":"x"}]}"#
        #expect(
            try left(read, of: .reading).text == #"{"contents":[{"uri":"file:///d/a","text":"x"}]}"#
        )
        let prompt =
            #"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a/.env","text":"k"}}}]}"#
        #expect(try left(prompt, of: .prompt).text == #"{"messages":[]}"#)
    }

    @Test func `completions, with the count corrected`() throws {
        let result = #"{"completion":{"values":["a",".env","x/.ssh"],"total":7,"hasMore":true}}"#
        let left = try left(result, of: .completion)
        #expect(left.text == #"{"completion":{"values":["a"],"total":5,"hasMore":true}}"#)
        #expect(left.count == 2)
    }

    @Test func `tools that list, by their names`() {
        for name in ["list_directory", "git_status", "searchFiles", "directory_tree", "ls", "FIND"]
        {
            #expect(ListingLine.isListing(tool: name), "\(name)")
        }
        for name in ["read_file", "echo", "listen", "enlist", "filesystem", ""] {
            #expect(!ListingLine.isListing(tool: name), "\(name)")
        }
    }

    @Test func `any bytes are read without harm`() throws {
        for line in [
            "[", "]", "[]", ":", "->", "-> ->", "\u{2500}", "\u{a0}", "'", "`", " ", "[FILE]",
        ] {
            _ = try left(text(line), listing: true)
        }
        let deep =
            String(repeating: "[", count: 60) + "\".env\"" + String(repeating: "]", count: 60)
        let left = try left(#"{"structuredContent":\#(deep)}"#)
        #expect(left.count == 1)
    }
}
