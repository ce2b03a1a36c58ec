import Base
import Glibc
import Sandbox
import System
import TestKit
import Testing

/// A folder with `docs`, `out`, `state` and a program to cage.
private struct Site {
    let root: String

    init() throws {
        root = try CageBench.folder("plan")
        CageBench.makeFolders(root + "/docs/deep", root + "/out", root + "/state")
        CageBench.makeFolders(root + "/app")
        try CageBench.write("#!/bin/sh\necho\n", to: root + "/app/server", mode: 0o755)
        try CageBench.write("gatehouse: 1\n", to: root + "/gatehouse.yaml")
    }

    func profile(_ change: (inout CageProfile) -> Void = { _ in }) -> CageProfile {
        var profile = CageProfile(command: ["app/server"], baseFolder: root)
        profile.protectedPaths = [root + "/state", root + "/gatehouse.yaml"]
        change(&profile)
        return profile
    }

    func plan(_ change: (inout CageProfile) -> Void = { _ in }) throws(CageError) -> CagePlan {
        try CagePlan(profile(change), isRoot: false)
    }
}

@Suite struct PlanTests {
    @Test func `siblings are taken, sorted by their place inside`() throws {
        let site = try Site()
        let plan = try site.plan {
            $0.read = ["/data/docs": "./docs"]
            $0.write = ["/data/out": site.root + "/out"]
        }
        #expect(
            plan.sources.map(\.inside) == [site.root + "/app/server", "/data/docs", "/data/out"]
        )
        #expect(plan.sources.map(\.isWritable) == [false, false, true])
        #expect(plan.workingFolder == "/home/mcp")
    }

    @Test(
        "folders that lie in one another are refused",
        arguments: [
            (["/data": "docs", "/data/x": "out"], [:]),
            (["/a": "docs", "/b": "docs/deep"], [:]),
            (["/a": "docs"], ["/b": "docs"]),
            (["/a": "docs"], ["/b": "docs/deep"]),
            ([:], ["/a": "docs", "/a/b": "out"]),
        ] as [([String: String], [String: String])]
    )
    func overlap(read: [String: String], write: [String: String]) throws {
        let site = try Site()
        let error = #expect(throws: CageError.self) {
            try site.plan {
                $0.read = read
                $0.write = write
            }
        }
        guard case .foldersOverlap = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "places the cage makes itself are refused, above and below",
        arguments: [
            "/", "/usr", "/usr/share/x", "/etc", "/etc/x", "/proc", "/dev/shm", "/tmp", "/tmp/x",
            "/home", "/home/mcp", "/home/mcp/x", "/bin", "/lib64", "/sys", "/run", "/var/run",
            "/gatehouse-init", "relative", "", "/a/../etc", "/a\0b",
        ]
    )
    func reserved(inside: String) throws {
        let site = try Site()
        let error = #expect(throws: CageError.self) { try site.plan { $0.read = [inside: "docs"] } }
        guard case .insideNotUsable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "the state folder and the configuration are shown to nobody",
        arguments: ["state", ".", "..", "link"]
    )
    func protected(outside: String) throws {
        let site = try Site()
        unsafe symlink(site.root + "/state", site.root + "/link")
        for isWritable in [false, true] {
            let error = #expect(throws: CageError.self) {
                try site.plan {
                    if isWritable { $0.write = ["/x": outside] } else { $0.read = ["/x": outside] }
                }
            }
            guard case .protected = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        let error = #expect(throws: CageError.self) { try site.plan { $0.code = [outside] } }
        guard case .protected = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a part of the state folder, and one not made yet, are protected as well`() throws {
        let site = try Site()
        CageBench.makeFolders(site.root + "/state/inner")
        #expect(throws: CageError.self) { try site.plan { $0.read = ["/x": "state/inner"] } }
        let error = #expect(throws: CageError.self) {
            try site.plan {
                $0.protectedPaths = [site.root + "/docs/later"]
                $0.read = ["/x": "docs"]
            }
        }
        #expect(
            error == .protected(source: site.root + "/docs", protected: site.root + "/docs/later")
        )
    }

    @Test func `a server cannot write its own code or the system`() throws {
        let site = try Site()
        #expect(throws: CageError.self) { try site.plan { $0.write = ["/x": "app"] } }
        #expect(throws: CageError.self) { try site.plan { $0.write = ["/x": "/usr/local"] } }
        #expect(throws: CageError.self) { try site.plan { $0.write = ["/x": "/etc"] } }
        #expect(throws: Never.self) { try site.plan { $0.write = ["/x": "out"] } }
    }

    @Test func `what is not there or no folder is refused with its name`() throws {
        let site = try Site()
        let missing = #expect(throws: CageError.self) { try site.plan { $0.read = ["/x": "no"] } }
        #expect(missing?.description.contains("`no` cannot be shown") == true)
        let file = #expect(throws: CageError.self) {
            try site.plan { $0.read = ["/x": "app/server"] }
        }
        #expect(file == .notAFolder("app/server"))
    }

    @Test func `root needs a uid for the server, an ordinary user cannot give one`() throws {
        let site = try Site()
        #expect(throws: CageError.runsAsRoot) { try CagePlan(site.profile(), isRoot: true) }
        for identity in [CageProfile.Identity.own(uid: 0, gid: 5), .own(uid: 5, gid: 0)] {
            #expect(throws: CageError.runsAsRoot) {
                try CagePlan(site.profile { $0.identity = identity }, isRoot: true)
            }
        }
        #expect(throws: CageError.cannotSwitchUser) {
            try site.plan { $0.identity = .own(uid: 5, gid: 5) }
        }
    }

    @Test func `a folder the server's own user cannot use is refused with what it needs`() throws {
        let site = try Site()
        unsafe chmod(site.root + "/docs", 0o700)
        var profile = site.profile { $0.read = ["/x": "docs"] }
        profile.identity = .own(uid: 61_000, gid: 61_000)
        #expect(
            throws: CageError.notReachable(site.root + "/docs", uid: 61_000, need: "readable")
        ) { try CagePlan(profile, isRoot: true) }
        profile.read = [:]
        profile.write = ["/x": "out"]
        #expect(
            throws: CageError.notReachable(site.root + "/out", uid: 61_000, need: "writable")
        ) { try CagePlan(profile, isRoot: true) }
        unsafe chmod(site.root + "/out", 0o777)
        #expect(throws: Never.self) { try CagePlan(profile, isRoot: true) }
    }

    @Test(
        "variables that are none, or hold a NUL, are refused",
        arguments: [("A=B", "x"), ("", "x"), ("1A", "x"), ("A-B", "x"), ("A", "x\0y"), ("Ä", "x")]
    )
    func variables(name: String, value: String) throws {
        let site = try Site()
        #expect(throws: CageError.self) { try site.plan { $0.environment = [name: value] } }
    }

    @Test func `each limit holds at its value and not one past it`() throws {
        let site = try Site()
        func arguments(_ count: Int) -> [String] {
            ["app/server"] + Array(repeating: "x", count: count - 1)
        }
        let limit = CagePlan.argumentCountLimit
        #expect(throws: Never.self) { try site.plan { $0.command = arguments(limit) } }
        #expect(throws: CageError.tooMany(what: "arguments", limit: limit)) {
            try site.plan { $0.command = arguments(limit + 1) }
        }
        let room = CagePlan.textByteCountLimit - "app/server".utf8.count - 1 - 1
        #expect(throws: Never.self) {
            try site.plan { $0.command = ["app/server", String(repeating: "x", count: room)] }
        }
        #expect(throws: CageError.self) {
            try site.plan { $0.command = ["app/server", String(repeating: "x", count: room + 1)] }
        }
    }

    @Test func `without a cage the program is found the same way and is still nobody's root`()
        throws
    {
        let site = try Site()
        let request = try site.profile { $0.environment = ["A": "b"] }.uncagedRequest(isRoot: false)
        #expect(request.executable == site.root + "/app/server")
        #expect(request.environment.contains("A=b"))
        #expect(throws: CageError.runsAsRoot) {
            try site.profile().uncagedRequest(isRoot: true)
        }
        let own = site.profile { $0.identity = .own(uid: 61_200, gid: 61_200) }
        #expect(try own.uncagedRequest(isRoot: true).identity?.user == 61_200)
        #expect(throws: CageError.cannotSwitchUser) { try own.uncagedRequest(isRoot: false) }
        #expect(throws: CageError.self) {
            try site.profile { $0.command = ["missing"] }.uncagedRequest(isRoot: false)
        }
    }

    @Test func `a source that was replaced after the check is not shown`() throws {
        let site = try Site()
        let plan = try CagePlan(site.profile { $0.read = ["/x": "docs"] }, isRoot: false)
        unsafe rename(site.root + "/docs", site.root + "/docs-before")
        CageBench.makeFolders(site.root + "/docs")
        guard case .success(let tools) = CageBench.tools else { return }
        #expect(throws: CageError.self) { _ = try CageLaunch(plan, tools: tools) }
        unsafe rmdir(site.root + "/docs")
        unsafe symlink(site.root + "/state", site.root + "/docs")
        #expect(throws: CageError.self) { _ = try CageLaunch(plan, tools: tools) }
    }
}
