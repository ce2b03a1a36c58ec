@testable import Sandbox
import TestKit
import Testing

@Suite(.enabled(if: CageBench.isPossible, "\(CageBench.reason)"))
struct LandlockTests {
    private func rules(
        _ version: Int,
        network: CageProfile.Network = .none,
        captures: Bool = false
    ) throws -> LandlockRules? {
        var profile = CageProfile(command: ["/usr/bin/true"], baseFolder: "/")
        profile.network = network
        profile.egressPorts = [8443, 443, 53]
        let plan = try CageUser.possible[0].plan(profile)
        let tools = try CageBench.tools.get().with(landlockVersion: version, groups: nil)
        return LandlockRules(plan, tools.capturing(captures))
    }

    @Test func `only what the kernel's version knows is asked for`() throws {
        #expect(try rules(0) == nil)
        let first = try #require(try rules(1))
        #expect(first.files.rawValue == (1 << 13) - 1)
        #expect(first.network.isEmpty && first.scopes.isEmpty && first.ports.isEmpty)
        for path in first.paths { #expect(path.access & ~first.files.rawValue == 0) }
        #expect(try rules(2)?.files.contains(.refer) == true)
        #expect(try rules(3)?.files.contains(.truncate) == true)
        #expect(try rules(4)?.network == [.bind, .connect])
        #expect(try rules(5)?.files.contains(.controlDevice) == true)
        #expect(try rules(6)?.scopes == [.abstractSockets, .signals])
        // A later one is used as far as it is known.
        #expect(try rules(99)?.files == rules(5)?.files)
        #expect(try rules(7, network: .host)?.network.isEmpty == true)
    }

    @Test func `a way out is its proxy, and where connections are captured their ports`() throws {
        let proxy = try #require(try rules(7, network: .egress))
        #expect(proxy.ports.map(\.port) == [3128])
        let captured = try #require(try rules(7, network: .egress, captures: true))
        #expect(captured.ports.map(\.port) == [3128, 53, 80, 443, 8443])
        #expect(try rules(7, captures: true)?.ports.isEmpty == true)
    }

    @Test func `nothing outside its own folders may be written, and no device made`() throws {
        let rules = try #require(try rules(7))
        let writing: LandlockRules.Files = [.writeFile, .truncate]
        let writable = rules.paths.filter { $0.access & writing.rawValue != 0 }.map(\.path)
        #expect(Set(writable) == ["/dev", "/dev/shm", "/tmp", "/home/mcp"])
        let devices: LandlockRules.Files = [.makeBlockDevice, .makeCharacterDevice]
        #expect(rules.paths.allSatisfy { $0.access & devices.rawValue == 0 })
    }
}
