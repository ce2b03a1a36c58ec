import Base
import Crypto
import Glibc
import Sandbox
import TestKit
import Testing

/// Trees as `python -m venv`, `uv`, `npm` and people make them; the programs in them do not run.
private struct Tree {
    let root: String

    init() throws { root = try CageBench.folder("tree") }

    func program(_ path: String, _ text: String = "\u{7f}ELF") throws {
        CageBench.makeFolders(parent(root + "/" + path))
        try CageBench.write(text, to: root + "/" + path, mode: 0o755)
    }

    func file(_ path: String, _ text: String = "") throws {
        CageBench.makeFolders(parent(root + "/" + path))
        try CageBench.write(text, to: root + "/" + path)
    }

    func link(_ path: String, to target: String) {
        CageBench.makeFolders(parent(root + "/" + path))
        unsafe symlink(target, root + "/" + path)
    }

    private func parent(_ path: String) -> String {
        path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }

    /// A Python installation outside `/usr`, as uv and pyenv make them.
    func python(_ path: String) throws {
        try program(path + "/bin/python3.12")
        link(path + "/bin/python3", to: "python3.12")
        try file(path + "/lib/python3.12/os.py")
    }

    func environment(_ path: String, base: String) throws {
        link(path + "/bin/python", to: base + "/bin/python3")
        link(path + "/bin/python3", to: "python")
        try file(path + "/pyvenv.cfg", "home = \(base)/bin\nversion = 3.12\n")
    }

    func resolve(
        _ command: [String],
        _ change: (inout CageProfile) -> Void = { _ in }
    ) throws(CageError) -> ResolvedCommand {
        var profile = CageProfile(command: command, baseFolder: root)
        change(&profile)
        return try CagePlan(profile, isRoot: false).command
    }

    func inside(_ paths: String...) -> Set<String> { Set(paths.map { root + "/" + $0 }) }
}

@Suite struct ResolverTests {
    @Test func `a console script brings its environment and its interpreter's installation`() throws
    {
        let tree = try Tree()
        try tree.python("uv/cpython-3.12.4")
        tree.link("uv/cpython-3.12", to: "cpython-3.12.4")
        try tree.environment("clone/.venv", base: tree.root + "/uv/cpython-3.12")
        let script = "clone/.venv/bin/mcp-server-x"
        try tree.program(script, "#!\(tree.root)/clone/.venv/bin/python3\nimport x\n")
        try tree.file("clone/secret")
        let command = try tree.resolve([script])
        #expect(command.executable == tree.root + "/" + script)
        #expect(Set(command.roots) == tree.inside("clone/.venv", "uv/cpython-3.12.4"))
        #expect(command.searchFolders.contains(tree.root + "/clone/.venv/bin"))
        let real = tree.root + "/uv/cpython-3.12.4/bin/python3.12"
        #expect(command.identityFiles == [tree.root + "/" + script, real])
    }

    @Test func `an interpreter in the system brings nothing beside the environment`() throws {
        let tree = try Tree()
        tree.link("venv/bin/python3", to: "/usr/bin/env")
        try tree.file("venv/pyvenv.cfg", "home = /usr/bin\n")
        try tree.program("venv/bin/tool", "#!\(tree.root)/venv/bin/python3\n")
        #expect(Set(try tree.resolve(["venv/bin/tool"]).roots) == tree.inside("venv"))
    }

    @Test func `the shell trick for long paths is seen through`() throws {
        let tree = try Tree()
        try tree.python("py thon")
        let text = "#!/bin/sh\n'''exec' \"\(tree.root)/py thon/bin/python3\" \"$0\" \"$@\"\n' '''\n"
        try tree.program("bin/tool", text)
        #expect(Set(try tree.resolve(["bin/tool"]).roots) == tree.inside("bin/tool", "py thon"))
    }

    @Test func `a program of node_modules brings the modules and node`() throws {
        let tree = try Tree()
        try tree.program("nvm/bin/node")
        try tree.file("nvm/include/node/node.h")
        try tree.program("app/node_modules/x/index.js", "#!/usr/bin/env node\n")
        tree.link("app/node_modules/.bin/x", to: "../x/index.js")
        try tree.file("app/package.json", "{}")
        let command = try tree.resolve(["app/node_modules/.bin/x"]) {
            $0.searchPath = [tree.root + "/nvm/bin"]
        }
        #expect(
            Set(command.roots) == tree.inside("app/node_modules", "app/package.json", "nvm")
        )
        #expect(command.searchFolders == [tree.root + "/nvm/bin"])
    }

    @Test func `a script of an interpreter brings its project, made absolute`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.file("app/pyproject.toml")
        try tree.file("app/src/server.py", "import helper\n")
        let command = try tree.resolve(["py/bin/python3", "app/src/server.py", "--x"])
        #expect(command.arguments[1] == tree.root + "/app/src/server.py")
        #expect(Set(command.roots) == tree.inside("app", "py"))
        #expect(command.identityFiles.last == tree.root + "/app/src/server.py")
    }

    @Test func `a stray package.json in a home shows the script alone`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.file("home/package.json")
        try tree.file("home/.bashrc")
        try tree.file("home/server.py")
        let command = try tree.resolve(["py/bin/python3", "home/server.py"])
        #expect(Set(command.roots) == tree.inside("home/server.py", "py"))
    }

    @Test func `a project that holds the state folder shows the script alone`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.file("app/pyproject.toml")
        try tree.file("app/server.py")
        let command = try tree.resolve(["py/bin/python3", "app/server.py"]) {
            $0.protectedPaths = [tree.root + "/app/.state"]
        }
        #expect(Set(command.roots) == tree.inside("app/server.py", "py"))
    }

    @Test func `what an installed package says shows nothing`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.environment("venv", base: tree.root + "/py")
        try tree.file("venv/lib/python3.12/site-packages/evil.pth", "/root\n\(tree.root)/secret\n")
        try tree.file("secret/file")
        try tree.program("venv/bin/tool", "#!\(tree.root)/venv/bin/python3\n")
        #expect(Set(try tree.resolve(["venv/bin/tool"]).roots) == tree.inside("venv", "py"))
    }

    @Test func `what the cage does not show is noted and not shown`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.environment("venv", base: tree.root + "/py")
        try tree.program("venv/bin/tool", "#!\(tree.root)/venv/bin/python3\n")
        try tree.file("clone/src/x.py")
        try tree.file(
            "venv/lib/python3.12/site-packages/__editable__.pth",
            tree.root + "/clone/src\n"
        )
        try tree.file("data/file")
        let command = try tree.resolve(["venv/bin/tool", tree.root + "/data", "/no/such"])
        #expect(command.notes.count == 2)
        #expect(command.notes.contains { $0.contains("\(tree.root)/data") })
        #expect(command.notes.contains { $0.contains("\(tree.root)/clone/src") })
        let quiet = try tree.resolve(["venv/bin/tool"]) { $0.code = ["clone/src"] }
        #expect(quiet.notes == [])
    }

    @Test func `what starts the server elsewhere is refused with the way out`() throws {
        let tree = try Tree()
        #expect(throws: CageError.downloader("npx")) { try tree.resolve(["npx", "-y", "x"]) }
        #expect(throws: CageError.downloader("uvx")) { try tree.resolve(["/opt/uv/uvx", "x"]) }
        #expect(throws: CageError.containerEngine("docker")) {
            try tree.resolve(["docker", "run", "x"]) { $0.network = .host }
        }
    }

    @Test func `a server keeps its uid and none has two`() {
        var users = ServerUsers(["main/a": 61_185])
        #expect(users.number(for: "main/a") == 61_185)
        #expect(users.number(for: "main/b") == 61_184)
        #expect(users.number(for: "main/c") == 61_186)
        #expect(users.number(for: "main/d", isTaken: { $0 == 61_187 }) == 61_188)
        for index in 0..<ServerUsers.range.count - 4 {
            #expect(users.number(for: "x/\(index)") != nil)
        }
        #expect(users.number(for: "one/more") == nil)
        #expect(Set(users.numbers.values).count == users.numbers.count)
    }

    @Test func `the table of uids survives as text, a damaged one is none`() {
        let users = ServerUsers(["main/a": 61_185, "other/a": 61_184])
        #expect(users.text == "61184 other/a\n61185 main/a\n")
        #expect(ServerUsers(text: users.text) == users)
        #expect(ServerUsers(text: "") == ServerUsers())
        for text in [
            "61184", "61184 a\n61184 b\n", "61184 a\n61185 a\n", "0 a\n", "65520 a\n", "x a\n",
        ] {
            #expect(ServerUsers(text: text) == nil, "\(text)")
        }
    }

    @Test func `a program that is none says why`() throws {
        let tree = try Tree()
        try tree.file("plain", "text")
        try tree.program("lost", "#!/no/such/interpreter\n")
        try tree.program("shims/python", "#!/usr/bin/env bash\nexec \"/x/pyenv\" exec \"$0\"\n")
        try tree.program("ring", "#!\(tree.root)/ring\n")
        #expect(throws: CageError.self) { try tree.resolve([]) }
        let missing = #expect(throws: CageError.self) { try tree.resolve(["nothing-here"]) }
        #expect(missing?.description.contains("was not found in /usr/local/bin") == true)
        let plain = #expect(throws: CageError.self) { try tree.resolve(["./plain"]) }
        #expect(plain?.description.contains("chmod +x") == true)
        let lost = #expect(throws: CageError.self) { try tree.resolve(["./lost"]) }
        #expect(lost?.description.contains("/no/such/interpreter") == true)
        #expect(throws: CageError.versionShim(tree.root + "/shims/python")) {
            try tree.resolve(["shims/python"])
        }
        #expect(throws: CageError.self) { try tree.resolve(["./ring"]) }
    }

    @Test func `the identity changes with any byte, name or mode of the code`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.environment("venv", base: tree.root + "/py")
        try tree.program("venv/bin/tool", "#!\(tree.root)/venv/bin/python3\n")
        try tree.file("venv/lib/module.py", "one")
        func digest(_ arguments: String...) throws -> Digest {
            let command = try tree.resolve(["venv/bin/tool"] + arguments)
            return try LaunchIdentity(command, hashing: OpenSSLHashing()).digest
        }
        var seen = [try digest()]
        #expect(try digest() == seen[0])
        seen.append(try digest("--flag"))
        try tree.file("venv/lib/module.py", "two")
        seen.append(try digest())
        unsafe chmod(tree.root + "/venv/lib/module.py", 0o600)
        seen.append(try digest())
        unsafe rename(tree.root + "/venv/lib/module.py", tree.root + "/venv/lib/other.py")
        seen.append(try digest())
        #expect(Set(seen).count == seen.count)
    }

    @Test func `a tree that was read is read again when a file in it was touched`() throws {
        let tree = try Tree()
        try tree.python("py")
        try tree.environment("venv", base: tree.root + "/py")
        try tree.program("venv/bin/tool", "#!\(tree.root)/venv/bin/python3\n")
        try tree.file("venv/lib/module.py", "one")
        let cache = TreeDigests()
        func digests() throws -> (kept: Digest, fresh: Digest) {
            let command = try tree.resolve(["venv/bin/tool"])
            let hashing = OpenSSLHashing()
            return (
                try LaunchIdentity(command, hashing: hashing, cache: cache).digest,
                try LaunchIdentity(command, hashing: hashing).digest
            )
        }
        let first = try digests()
        #expect(first.kept == first.fresh)
        // The same length, and the time of the last write set back: the inode's own time tells.
        var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        let path = tree.root + "/venv/lib/module.py"
        #expect(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
        #expect(try digests() == first)
        try tree.file("venv/lib/module.py", "two")
        #expect(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
        let second = try digests()
        #expect(second.kept == second.fresh)
        #expect(second.kept != first.kept)
    }
}
