import Glibc
import TestKit
import Testing

@testable import Sandbox

@Suite(
    "A proof of a real cage",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .timeLimit(.minutes(5)),
    .serialized
)
struct ProofTests {
    private func proof(
        _ change: (inout CageProfile) throws -> Void = { _ in },
        seeing protected: [String] = []
    ) throws -> Proof {
        var profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        try change(&profile)
        let user: CageUser = CageUser.isRoot ? .rootGateway : .ordinary
        return try Proof(
            try user.plan(profile),
            tools: try user.tools,
            state: "/nowhere/state",
            protectedPaths: protected
        )
    }

    @Test("stops every act, and names the layer")
    func closed() throws {
        let root = try CageBench.folder("proof")
        CageBench.makeFolders(root + "/docs")
        CageBench.makeFolders(root + "/out", mode: 0o777)
        let proof = try proof(
            { profile in
                profile.read = ["/data/docs": root + "/docs"]
                profile.write = ["/data/out": root + "/out"]
            },
            seeing: [root]
        )
        for outcome in proof.outcomes where !outcome.verdict.isGood {
            Issue.record("\(outcome.act.name): \(outcome.verdict.word), \(outcome.answer)")
        }
        #expect(proof.isProven)
        #expect(proof.outcomes.count { $0.act.group != .works } >= 150)
        #expect(Set(proof.outcomes.map(\.act.group)) == Set(Act.Group.allCases))
        let layers = proof.outcomes.compactMap { outcome in
            if case .stopped(let layer) = outcome.verdict { layer } else { nil }
        }
        #expect(Set(layers).isSuperset(of: CageLayer.always))
        #expect(Corpus.names(in: root + "/out").isEmpty)
    }

    @Test("holds under the strict filter and with a way out")
    func others() throws {
        for network in [CageProfile.Network.none, .egress] {
            let proof = try proof { profile in
                profile.seccomp = .strict
                profile.network = network
            }
            for outcome in proof.outcomes where !outcome.verdict.isGood {
                Issue.record(
                    "\(network), \(outcome.act.name): \(outcome.verdict.word), \(outcome.answer)"
                )
            }
        }
    }

    @Test("is none where something is in reach that must not be")
    func opened() throws {
        let root = try CageBench.folder("leak")
        CageBench.makeFolders(root + "/secrets")
        // What the cage shows stands in for a wall that is gone.
        let proof = try proof(
            { $0.read = ["/data/secrets": root + "/secrets"] },
            seeing: ["/data/secrets"]
        )
        #expect(!proof.isProven)
        let bad = proof.outcomes.filter { !$0.verdict.isGood }
        #expect(bad.map(\.act.name) == ["open /data/secrets"])
        #expect(bad.first?.verdict == .through)
    }

    @Test("says what the host's network opens")
    func hostNetwork() throws {
        let proof = try proof { $0.network = .host }
        let open = proof.outcomes.filter { $0.verdict == .open("network: host") }
        #expect(proof.isProven)
        #expect(open.contains { $0.act.name == "connect to a service of the host's loopback" })
    }

    @Test("leaves nothing behind")
    func canaries() throws {
        _ = try proof()
        for folder in ["/tmp", "/var/tmp"] {
            let left = Corpus.names(in: folder).filter {
                $0.hasPrefix("gatehouse-canary-\(getpid())-")
            }
            #expect(left.isEmpty)
        }
    }

    @Test("carries out once more what ran out of time, and nothing that was answered")
    func late() {
        func act(_ name: String, _ held: [Act.Answer: CageLayer]) -> Act {
            Act(.files, name, held: held)
        }
        let acts = [
            act("slow", [.errno(2): .mounts]), act("never begun", [.errno(2): .mounts]),
            act("through", [.errno(2): .mounts]), act("stopped", [.errno(2): .mounts]),
            act("unclear", [.errno(2): .mounts]), act("ended", [.silence: .cgroup]),
        ]
        let answers: [String: Act.Answer] = [
            "slow": .signal(14), "through": .through, "stopped": .errno(2), "unclear": .errno(5),
            "ended": .silence,
        ]
        #expect(Proof.late(acts, answers).map(\.name) == ["slow", "never begun"])
        #expect(act("slow", [:]).patient().seconds == 20)
        #expect(act("slow", [:]).alone(seconds: 60).patient().seconds == 120)
    }

    @Test("reads only whole reports")
    func reports() {
        #expect(ActScript.answers(in: []).isEmpty)
        let report: [UInt8] = [2, 0, 0, 0, 1, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0]
        #expect(ActScript.answers(in: report + [1, 2, 3]) == [2: .errno(13)])
    }
}

/// What a proof looks for, with no cage.
@Suite struct ProofPlaceTests {
    @Test func `a folder that holds the program is not looked for, its neighbours are`() {
        let place = ProofPlace(
            state: "/state",
            protectedPaths: [],
            gatewayProcess: 7,
            readOnlyFolders: [],
            insidePlaces: ["/srv/data"],
            shownPlaces: ["/srv/data", "/home/ann/server.py", "/opt", "/varied/x"],
            hidden: [],
            homeNames: ["ann", "an", "bob"],
            interfaces: [],
            canaryName: "canary",
            canaryFiles: [],
            port: 1,
            datagramPort: 1,
            abstractName: "name",
            abstractLayer: .seccomp,
            isCaptured: false
        )
        let names = Set(Act.listings(place).map(\.name))
        #expect(names.isDisjoint(with: ["find /home/ann", "find /opt", "find /srv"]))
        #expect(
            names.isSuperset(of: ["find /home/an", "find /home/bob", "find /root", "find /var"])
        )
    }
}
