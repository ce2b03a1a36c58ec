import Policy
import TestKit
import Testing

struct GlobCase: Sendable, CustomTestStringConvertible {
    let glob: String
    let value: String
    /// Nil when the value is nobody's certain path.
    let isMatch: Bool?

    init(_ glob: String, _ value: String, _ isMatch: Bool?) {
        self.glob = glob
        self.value = value
        self.isMatch = isMatch
    }

    var testDescription: String { "\(glob) on \(value.debugDescription)" }
}

@Suite struct PathGlobTests {
    private static let cases: [GlobCase] = [
        .init("/data/out/**", "/data/out/a", true),
        .init("/data/out/**", "/data/out/a/b/c", true),
        .init("/data/out/**", "/data/out", false),
        .init("/data/out/**", "/data/out/", false),
        .init("/data/out/**", "/data/output/a", false),
        .init("/data/out/**", "/data/ou", false),
        .init("/data/out/**", "/etc/passwd", false),
        .init("/data/out/**", "//data///out/./a", true),
        .init("/data/out/**", "/data/out/../secret", nil),
        .init("/data/out/**", "/data/out/..", nil),
        .init("/data/out/**", "/data/out/..a", true),
        .init("/data/out/**", "/data/out/...", true),
        .init("/data/out/**", "/data/out/a\\..\\b", nil),
        .init("/data/out/**", "/data/out/a\0b", nil),
        .init("/data/out/**", "/data/out/%2e%2e/x", nil),
        .init("/data/out/**", "/data/out/100%", true),
        .init("/data/out/**", "/data/out/a%u002e", nil),
        .init("/data/out/**", "/data/out/a\nb", nil),
        .init("/data/out/**", "/DATA/out/a", false),
        .init("/data/out/**", "", nil),
        .init("/data/out/**", "~/x", nil),
        // trimmed, expanded or folded by some
        .init("/data/out/**", " /etc/passwd", nil),
        .init("/data/**", "/data/x ", nil),
        .init("/data/**", "\u{a0}/etc/passwd", nil),
        .init("/data/**", "a b", true),
        .init("/data/**", "$HOME/.bashrc", nil),
        .init("/data/**", "x/${HOME}", nil),
        .init("/data/**", "price 5$", true),
        .init("/data/**", "\u{ff0e}\u{ff0e}/x", nil),
        .init("/data/**", "\u{2025}\u{2215}x", nil),
        .init("/data/**", "a\u{200b}b", nil),
        .init("/data/**", "größe/名前", true),
        .init("/data/out/**", "file:///data/out/a", nil),
        .init("/data/out/**", "FILE:data", nil),
        .init("/data/**", "c:x", nil),
        .init("/data/**", "https://x/y", nil),
        .init("/data/**", "notes: today.txt", true),
        // relative values are joined to the root, /data
        .init("/data/out/**", "out/a", true),
        .init("/data/out/**", "./out/a", true),
        .init("/data/out/**", "in/a", false),
        // and so are relative globs
        .init("out/*", "out/a", true),
        .init("out/*", "/data/out/a", true),
        .init("out/*", "/out/a", false),
        .init("out/*", "out/a/b", false),
        .init("sandbox-*", "sandbox-1", true),
        .init("sandbox-*", "sandbox-", true),
        .init("sandbox-*", "my-sandbox-1", false),
        .init("sandbox-*", "sandbox-1/x", false),
        .init("/a/**/z", "/a/z", true),
        .init("/a/**/z", "/a/b/c/z", true),
        .init("/a/**/z", "/a/b/c/zz", false),
        .init("/a/**/m/**/z", "/a/m/m/q/z", true),
        .init("/a/**/m/**/z", "/a/q/z", false),
        .init("/a/?.txt", "/a/é.txt", true),
        .init("/a/?.txt", "/a/ab.txt", false),
        .init("/a/*.t*t", "/a/x.tat", true),
        .init("**", "x", true),
        .init("/**", "/", false),
        .init("/a/é", "/a/e\u{301}", false),
    ]

    @Test("compares whole components of the normalised path", arguments: cases)
    func compares(_ item: GlobCase) throws {
        let glob = try PathGlob(item.glob).rooted(at: #require(ServerRoot("/data")))
        #expect(glob.matches(Array(item.value.utf8).span) == item.isMatch)
    }

    @Test(
        "refuses what is no glob of ours",
        arguments: [
            ("", PathGlob.Problem.empty), ("/a/../b", .parent), ("/a\\b", .unsupported("\\")),
            ("/a/[bc]", .unsupported("[")), ("/{a,b}", .unsupported("{")),
            ("/a/x**", .partialDoubleStar), ("/a\0", .unsupported("\0")),
        ]
    )
    func refuses(_ text: String, _ problem: PathGlob.Problem) {
        #expect(throws: problem) { try PathGlob(text) }
    }

    @Test func `a path of 128 components is read, one of 129 is nobody's`() throws {
        let glob = try PathGlob("/**").rooted(at: .top)
        let path = String(repeating: "/a", count: 128)
        #expect(glob.matches(Array(path.utf8).span) == true)
        #expect(glob.matches(Array((path + "/a").utf8).span) == nil)
    }

    @Test func `a path of 4096 bytes is read, one of 4097 is nobody's`() throws {
        let glob = try PathGlob("/**").rooted(at: .top)
        let path = "/" + String(repeating: "a", count: 4095)
        #expect(glob.matches(Array(path.utf8).span) == true)
        #expect(glob.matches(Array((path + "a").utf8).span) == nil)
    }

    @Test(
        "takes only an absolute folder as root",
        arguments: ["", "data", "/a/../b", "/a\\b", "/a\0"]
    )
    func refusesRoot(_ text: String) {
        #expect(ServerRoot(text) == nil)
    }

    @Test func `matching many stars costs little`() throws {
        let glob = try PathGlob("/" + String(repeating: "*a", count: 1000)).rooted(at: .top)
        let path = "/" + String(repeating: "a", count: 3000) + "b"
        #expect(glob.matches(Array(path.utf8).span) == false)
    }

    /// Whatever is put behind a folder, a value that leaves it never matches.
    @Test("never matches what a file system would resolve elsewhere", arguments: 0..<20)
    func staysInside(seed: UInt64) throws {
        var random = Seeded(seed)
        let glob = try PathGlob("/data/out/**").rooted(at: #require(ServerRoot("/data")))
        let pieces = ["..", ".", "a", "/", "//", "out", "data", "%2e", "\\", "...", "b/../"]
        for _ in 0..<2000 {
            let tail = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            let value =
                (Bool.random(using: &random) ? "/data/out/" : "")
                + tail.joined(separator: Bool.random(using: &random) ? "/" : "")
            guard glob.matches(Array(value.utf8).span) == true else { continue }
            // A plain resolver of our own, with nothing in common with the matcher.
            var stack: [Substring] = value.hasPrefix("/") ? [] : ["data"]
            for part in value.split(separator: "/") where part != "." {
                if part == ".." { _ = stack.popLast() } else { stack.append(part) }
            }
            #expect(
                stack.starts(with: ["data", "out"]) && stack.count > 2,
                "seed \(seed): \(value)"
            )
            #expect(!value.contains("\\") && !value.contains("%2e"), "seed \(seed): \(value)")
        }
    }
}
