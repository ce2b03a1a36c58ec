import Base
import Glibc
@testable import Sandbox
import TestKit
import Testing

@Suite(
    "PID 1 of a cage",
    .enabled(if: CageBench.isPossible, "\(CageBench.reason)"),
    .timeLimit(.minutes(5))
)
struct InitTests {
    /// Runs `true` in a cage whose words were changed.
    private func run(
        _ user: CageUser,
        _ change: (inout [BubblewrapArguments.Word]) -> Void
    ) throws -> BlockingRun {
        let tools = try CageBench.tools.get()
        let profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        let plan = try user.plan(profile)
        var words = BubblewrapArguments(plan, filters: [tools.filter], host: tools.host)
        change(&words.words)
        let launch = try CageLaunch(plan, tools: tools, words: words)
        return try BlockingRun(launch, as: user.stand)
    }

    private func remove(_ option: String, _ count: Int, _ words: inout [BubblewrapArguments.Word]) {
        guard let index = words.firstIndex(of: .text(option)) else { return }
        words.removeSubrange(index..<(index + count))
    }

    @Test("starts nothing without the filter", arguments: CageUser.possible)
    func seccomp(user: CageUser) throws {
        let run = try run(user) { remove("--seccomp", 2, &$0) }
        #expect(run.reports == [.failed(CageStartFailure(stage: .layers, code: 0b100))])
        #expect(run.exit == .code(126))
    }

    @Test("starts nothing outside of a PID namespace", arguments: CageUser.possible)
    func processes(user: CageUser) throws {
        let run = try run(user) {
            remove("--unshare-pid", 1, &$0)
            remove("--as-pid-1", 1, &$0)
        }
        #expect(run.reports == [.failed(CageStartFailure(stage: .layers, code: 0b1))])
    }

    @Test("starts nothing as root inside", arguments: CageUser.possible)
    func identity(user: CageUser) throws {
        let run = try run(user) { words in
            for index in words.indices where words[index] == .text("1000") {
                words[index] = .text("0")
            }
        }
        #expect(run.reports == [.failed(CageStartFailure(stage: .layers, code: 0b10000))])
    }

    @Test("says why a program cannot be executed", arguments: CageUser.possible)
    func execution(user: CageUser) throws {
        let root = try CageBench.folder("exec")
        try CageBench.write("neither ELF nor script", to: root + "/program", mode: 0o755)
        let profile = CageProfile(command: ["./program"], baseFolder: root)
        let run = try user.run(profile)
        #expect(run.reports == [.failed(CageStartFailure(stage: .execute, code: ENOEXEC))])
    }

    @Test("gives the server's exit on, and a signal as 128 and its number")
    func exits() throws {
        let user = CageUser.ordinary
        let code = try user.run(try CageBench.profile(["exit:7"]))
        #expect(code.reports == [.started, .exited(.code(7))])
        #expect(code.exit == .code(7))
        let profile = CageProfile(command: ["/bin/sh", "-c", "kill -9 $$"], baseFolder: "/")
        let signal = try user.run(profile)
        #expect(signal.reports == [.started, .exited(.signal(9))])
        #expect(signal.exit == .code(137))
    }

    @Test("hands its way out over before the server runs", arguments: CageUser.possible)
    func egress(user: CageUser) throws {
        // The listener is the only one inside, and dies with who holds it: here nobody took it.
        let acts = ["read:/proc/net/tcp", "env:https_proxy"]
        var profile = try CageBench.profile(acts)
        profile.network = .egress
        profile.environment = CageProfile.egressVariables
        let run = try user.run(profile, capturing: false)
        #expect(run.reports.prefix(2) == [.listening(.proxy), .started])
        let none = try user.run(try CageBench.profile(acts))
        #expect(none.reports.first == .started)
    }

    @Test(
        "has a network in which every address is the gateway's, and no rights over it",
        .enabled(if: CageBench.probe.capture.isPresent, "\(CageBench.probe.capture)"),
        arguments: CageUser.possible
    )
    func captured(user: CageUser) throws {
        let script =
            "cat /etc/resolv.conf; grep -c . /proc/net/route; ip link set lo down; "
            + "ip route add 192.0.2.0/24 dev lo; "
            // A child that is being started elsewhere holds the sockets until it executes.
            + "while (exec 3<>/dev/tcp/192.0.2.1/8443); do sleep 0.05; done; echo nobody"
        var profile = CageProfile(command: ["/bin/bash", "-c", script], baseFolder: "/")
        profile.network = .egress
        profile.egressPorts = [8443, 443]
        let run = try user.run(profile)
        let sockets: [CageListener] = [
            .proxy, .nameStreams, .nameDatagrams, .captured, .captured, .captured,
        ]
        #expect(run.reports.prefix(7) == (sockets.map { .listening($0) } + [.started])[...])
        // One line is the heading: nothing leads anywhere. Nobody holds the sockets here.
        #expect(String(decoding: run.output, as: UTF8.self) == "nameserver 127.0.0.1\n1\nnobody\n")
        let errors = String(decoding: run.errors, as: UTF8.self)
        let refused = errors.split(separator: "\n").filter {
            $0.contains("Operation not permitted")
        }
        #expect(refused.count == 2, "\(errors)")
    }

    @Test("reaps what its server leaves behind")
    func reaping() throws {
        // The names are made by the shell itself: PID 1 and the shell are all that is left.
        let script =
            "for i in 1 2 3 4 5; do (true &) ; done; set -- /proc/[0-9]*;"
            + " while [ $# -gt 2 ]; do sleep 0.05; set -- /proc/[0-9]*; done; echo $#"
        let profile = CageProfile(command: ["/bin/sh", "-c", script], baseFolder: "/")
        let run = try CageUser.ordinary.run(profile)
        #expect(String(decoding: run.output, as: UTF8.self) == "2\n")
    }

    @Test("holds nothing of a start once it is over")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            func count() -> Int { Corpus.names(in: "/proc/self/fd").count }
            let profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
            _ = try CageUser.ordinary.run(profile)
            let before = count()
            for _ in 0..<20 { _ = try CageUser.ordinary.run(profile) }
            guard count() == before else { exit(1) }
        }
    }
}
