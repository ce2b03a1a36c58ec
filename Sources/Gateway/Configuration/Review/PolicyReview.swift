import Base
import JSON
import Policy
import Sandbox
import System

/// Looks for what a policy most likely does not mean: names that no accepted tool has, statements
/// that another one makes already, scopes the server cannot reach.
///
/// A rule that can never change a verdict is an error of the policy itself; here stands what may
/// become right later, or does no harm.
struct PolicyReview {
    private let set: PolicySet
    private(set) var remarks: [Remark] = []

    init(_ set: PolicySet) {
        self.set = set
        let document = set.policy.document
        let tenants = [TenantID.main] + document.tenants.keys.sorted()
        look(at: document.top, [], of: tenants, tools: [.main])
        for (tenant, section) in document.tenants.sorted(by: { $0.key < $1.key }) {
            look(at: section, ["tenants", tenant.rawValue], of: [tenant], tools: [tenant])
            if configuration.tenants[tenant]?.servers.isEmpty ?? true {
                remark(
                    ["tenants", tenant.rawValue],
                    "tenant `\(tenant)` has no servers: its agents reach nothing",
                    "servers are never inherited; write them under `tenants`"
                )
            }
        }
        for server in configuration.allServers { lookAtHidden(server) }
        lookForUnusedSecrets()
        lookForUnaccepted()
    }

    private var configuration: Configuration { self.set.configuration }

    private mutating func remark(_ place: [String], _ text: String, _ hint: String?) {
        remarks.append(configuration.remark(at: place, text, hint: hint))
    }

    private mutating func look(
        at section: PolicySection,
        _ place: [String],
        of tenants: [TenantID],
        tools owners: [TenantID]
    ) {
        for (index, rule) in section.rules.enumerated() {
            look(at: rule.tools, place + ["rules", "\(index)", "tools"], of: tenants)
        }
        for (index, limit) in section.limits.enumerated() {
            look(at: limit.tools, place + ["limits", "\(index)", "tools"], of: tenants)
            lookForTighter(limit, index, section, place)
        }
        for (tool, statement) in section.tools.sorted(by: { $0.key < $1.key }) {
            let place = place + ["tools", tool.description]
            lookForTool(tool, place, of: owners)
            look(at: statement, of: tool, place, owners)
        }
        lookAtDenyPaths(section, place)
    }

    // MARK: Names

    private func accepted(_ server: ServerName, of tenants: [TenantID]) -> [String] {
        tenants.flatMap { set.lock.pins(of: server, $0).tools.keys.map(\.rawValue) }
    }

    private func servers(of tenants: [TenantID]) -> [ServerName] {
        configuration.allServers.filter { tenants.contains($0.tenant) }.map(\.name)
    }

    private mutating func lookForTool(
        _ tool: ToolReference,
        _ place: [String],
        of tenants: [TenantID]
    ) {
        let known = accepted(tool.server, of: tenants)
        guard !known.isEmpty, !known.contains(tool.tool.rawValue) else { return }
        let meant = Spelling.nearest(to: tool.tool.rawValue, in: known)
        remark(
            place,
            "no tool `\(printable(tool.description))` was accepted"
                + (meant.map { "; did you mean `\(tool.server).\(printable($0))`?" } ?? ""),
            "`gatehouse tools list` shows the names; `gatehouse tools approve` accepts new ones"
        )
    }

    private mutating func look(
        at patterns: [ToolPattern],
        _ place: [String],
        of tenants: [TenantID]
    ) {
        let servers = servers(of: tenants)
        for (index, pattern) in patterns.enumerated() {
            let own = place + [String(index)]
            if let wider = patterns.first(where: { $0 != pattern && $0.covers(pattern) }) {
                remark(
                    own,
                    "`\(printable(pattern.text))` is named by `\(printable(wider.text))` already",
                    "leave one of them out"
                )
            }
            if let tool = pattern.exactTool {
                lookForTool(tool, own, of: tenants)
            } else if !servers.isEmpty, pattern.text != "*" {
                let names = servers.map { ($0, accepted($0, of: tenants)) }
                // What a server without accepted tools will have, nobody knows yet.
                guard names.allSatisfy({ !$0.1.isEmpty }) else { continue }
                let isUsed = names.contains { server, tools in
                    tools.contains { name in
                        (try? ToolName(name)).map {
                            pattern.matches(ToolReference(server: server, tool: $0))
                        } ?? false
                    }
                }
                guard !isUsed else { continue }
                remark(
                    own,
                    "no accepted tool matches `\(printable(pattern.text))`",
                    "`gatehouse tools list` shows the names"
                )
            }
        }
    }

    private mutating func lookForUnaccepted() {
        for server in configuration.allServers
        where set.lock.pins(of: server.name, server.tenant).tools.isEmpty {
            let tenant = server.tenant == .main ? "" : " --tenant \(server.tenant)"
            remark(
                configuration.place(of: server),
                "no tool of server `\(server.name)` is accepted: all of them are hidden",
                "start the gateway and run `gatehouse tools approve \(server.name)\(tenant)`"
            )
        }
    }

    private mutating func lookForUnusedSecrets() {
        guard configuration.source.document.root["mcpServers"] == nil else { return }
        let used = Set(configuration.allServers.flatMap(\.secretNames))
        for name in configuration.secrets.keys.sorted() where !used.contains(name) {
            remark(
                ["secrets", name],
                "secret `\(printable(name))` is used by no server",
                "name it in `credential` or `env`; left here it is only looked for in results"
            )
        }
    }

    // MARK: What is said twice

    /// A limit beside one that is at least as tight in all it says.
    private mutating func lookForTighter(
        _ limit: LimitStatement,
        _ index: Int,
        _ section: PolicySection,
        _ place: [String]
    ) {
        let inherited = place.isEmpty ? [] : set.policy.document.top.limits
        let others = section.limits.enumerated().filter { $0.offset != index }.map(\.element)
        guard let tighter = (others + inherited).first(where: { $0.makesIdle(limit) }) else {
            return
        }
        let at = tighter.position.map { " in line \($0.line)" } ?? ""
        remark(
            place + ["limits", "\(index)"],
            "this limit is never reached: the one\(at) is tighter for all its calls",
            "leave one of them out"
        )
    }

    private mutating func lookAtDenyPaths(_ section: PolicySection, _ place: [String]) {
        let inherited = place.isEmpty ? [] : set.policy.document.top.denyPaths
        for (index, path) in section.denyPaths.enumerated() {
            let own = place + ["deny_paths", String(index)]
            if DenyPath.standard.contains(path) {
                remark(own, "`\(printable(path.text))` is always denied", "leave it out")
            } else if section.denyPaths[..<index].contains(path) || inherited.contains(path) {
                remark(own, "`\(printable(path.text))` is denied already", "leave it out")
            }
        }
    }

    private mutating func lookAtHidden(_ server: Configuration.Server) {
        guard case .stdio(let stdio) = server.kind else { return }
        let denied = set.policy.deniedPaths(of: server.tenant)
        for (index, path) in stdio.cage.hide.enumerated() {
            let own = configuration.place(of: server) + ["cage", "hide", String(index)]
            if denied.contains(path) || stdio.cage.hide[..<index].contains(path) {
                remark(own, "`\(printable(path.text))` is denied already", "leave it out")
            }
        }
    }

    // MARK: Scopes

    private mutating func look(
        at statement: ToolStatement,
        of tool: ToolReference,
        _ place: [String],
        _ tenants: [TenantID]
    ) {
        guard statement.tier == .scopedWrite else { return }
        guard let scope = statement.scope else {
            remark(
                place,
                "`\(printable(tool.description))` is T1 without a scope: every call asks",
                "write its `scope`, such as `{ /path: { glob: \"/data/out/**\" } }`"
            )
            return
        }
        guard let tenant = tenants.first,
            let server = configuration.allServers.first(where: {
                $0.tenant == tenant && $0.name == tool.server
            }), case .stdio(let stdio) = server.kind, !stdio.cage.isNone
        else { return }
        for entry in scope.entries {
            for case .glob(let glob) in entry.constraints {
                look(at: glob.text, stdio.cage, place + ["scope", entry.pointer.description])
            }
        }
    }

    /// A scope of paths has to lie where the server can write, as the server sees it.
    private mutating func look(
        at glob: String,
        _ cage: Configuration.Cage,
        _ place: [String]
    ) {
        guard glob.hasPrefix("/") else { return }
        let fixed = glob.split(separator: "/").prefix { !$0.contains { "*?".contains($0) } }
        let path = "/" + fixed.joined(separator: "/")
        func reaches(_ place: String) -> Bool {
            Self.lies(path, in: place) || Self.lies(place, in: path)
        }
        guard !cage.write.contains(where: { reaches($0.inside) }) else { return }
        let folder = Files.split(configuration.file).folder
        let outside = cage.write.first { Self.lies(path, in: Paths.join(folder, $0.outside)) }
        // Its own /tmp and home are there, but somebody who names a folder outside means that one.
        guard outside != nil || !["/tmp", CagePlan.home].contains(where: reaches) else { return }
        remark(
            place,
            "no `write` folder of its cage holds `\(printable(path))`: nothing written there stays",
            outside.map { "write the path as the server sees it: `\(printable($0.inside))`" }
                ?? "name the folder under `cage: { write: … }`, or correct the scope"
        )
    }

    private static func lies(_ path: String, in folder: String) -> Bool {
        path == folder || path.hasPrefix(folder == "/" ? "/" : folder + "/")
    }
}

extension LimitStatement {
    /// Whether nothing that `other` limits is left once this limit holds.
    fileprivate func makesIdle(_ other: LimitStatement) -> Bool {
        guard per == other.per, tools.cover(other.tools), other.args.implies(args) else {
            return false
        }
        func isTighter(_ own: Rate?, _ its: Rate?) -> Bool {
            its.map { its in own.map { $0.isWithin(its) } ?? false } ?? true
        }
        let isQueueTighter =
            other.concurrent.map { its in concurrent.map { $0 <= its } ?? false } ?? true
        return isTighter(calls, other.calls) && isTighter(identical, other.identical)
            && isQueueTighter
    }
}
