package import Base
package import JSON

/// One section of policy: the top of a configuration file, or one tenant's part of it.
package struct PolicySection: Sendable, Equatable {
    package var tools: [ToolReference: ToolStatement]
    package var rules: [RuleStatement]
    package var limits: [LimitStatement]
    package var denyPaths: [DenyPath]

    package init(
        tools: [ToolReference: ToolStatement] = [:],
        rules: [RuleStatement] = [],
        limits: [LimitStatement] = [],
        denyPaths: [DenyPath] = []
    ) {
        self.tools = tools
        self.rules = rules
        self.limits = limits
        self.denyPaths = denyPaths
    }

    /// The keys it is written with.
    package static let keys = ["tools", "rules", "limits", "deny_paths"]

    /// As policy files write it, keys sorted.
    package var value: JSONValue {
        var object = JSONObject()
        if !denyPaths.isEmpty { object["deny_paths"] = .array(denyPaths.map { .init($0.text) }) }
        if !limits.isEmpty { object["limits"] = .array(limits.map(\.value)) }
        if !rules.isEmpty { object["rules"] = .array(rules.map(\.value)) }
        if !tools.isEmpty {
            object["tools"] = .object(
                JSONObject(
                    tools.sorted { $0.key < $1.key }
                        .map { (JSONString($0.key.description), $0.value.value) }
                )
            )
        }
        return .object(object)
    }
}

/// Keys beside the policy's own that somebody else reads.
package struct ForeignKeys: Sendable {
    package let top: [String]
    package let tenant: [String]

    package init(top: [String], tenant: [String]) {
        self.top = top
        self.tenant = tenant
    }

    package static let none = ForeignKeys(top: [], tenant: [])
}

/// What a configuration says about tools, rules and limits, read but not yet checked together.
package struct PolicyDocument: Sendable, Equatable {
    /// The top: its rules, limits and `deny_paths` hold for every tenant, its tools for `main`.
    package var top: PolicySection
    package var tenants: [TenantID: PolicySection]

    package init(top: PolicySection = PolicySection(), tenants: [TenantID: PolicySection] = [:]) {
        self.top = top
        self.tenants = tenants
    }

    /// Reads the policy's keys of a configuration; every key must be known to somebody.
    ///
    /// `positions` tells where a value was written, when the caller knows.
    package init(
        json root: JSONNode,
        foreign: ForeignKeys = .none,
        positions: @escaping (JSONPointer) -> Position? = { _ in nil }
    ) throws(PolicyLoadError) {
        var reader = PolicyReader(positions: positions)
        let place = Place(node: root, pointer: .root)
        top = reader.section(place, beside: foreign.top + ["tenants"])
        tenants = [:]
        if let listing = reader.child(place, "tenants") {
            for member in reader.members(listing) {
                guard let name = reader.name(TenantID.self, member.key, at: member.place) else {
                    continue
                }
                if name == .main {
                    reader.report(
                        .contradiction(
                            "tenant `main` is what the top of the file describes; move its keys there"
                        ),
                        at: member.place
                    )
                }
                tenants[name] = reader.section(member.place, beside: foreign.tenant)
            }
        }
        guard reader.problems.isEmpty else { throw PolicyLoadError(problems: reader.problems) }
    }

    /// As policy files write it, keys sorted; reading it gives an equal document.
    package var value: JSONValue {
        guard case .object(var object) = top.value else { return top.value }
        if !tenants.isEmpty {
            object["tenants"] = .object(
                JSONObject(
                    tenants.sorted { $0.key < $1.key }
                        .map { (JSONString($0.key.rawValue), $0.value.value) }
                )
            )
        }
        return .object(object)
    }
}

extension ToolStatement {
    /// Reads one statement, as `tools` of a configuration and `gatehouse.lock` write it.
    package init(
        json node: JSONNode,
        at pointer: JSONPointer = .root,
        foreign: [String] = [],
        positions: @escaping (JSONPointer) -> Position? = { _ in nil }
    ) throws(PolicyLoadError) {
        var reader = PolicyReader(positions: positions)
        self = reader.tool(Place(node: node, pointer: pointer), beside: foreign)
        guard reader.problems.isEmpty else { throw PolicyLoadError(problems: reader.problems) }
    }
}
