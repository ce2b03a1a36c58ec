/// What every cage of one gateway shares; made once at start.
package struct CageTools: Sendable, CustomStringConvertible {
    /// The path of bubblewrap.
    package let bubblewrap: String
    package let filter: SeccompFilter
    /// For cages on the host's network.
    package let hostNetworkFilter: SeccompFilter
    /// On top of one of the others, for cages that ask for it: the kernel runs both.
    package let strictFilter: SeccompFilter
    /// The kernel's version of Landlock; 0 leaves it out.
    package internal(set) var landlockVersion = 0
    /// Where cages are bounded; nil leaves them to the limits of processes.
    package internal(set) var groups: ControlGroups?
    /// Whether gatehouse-stage can make a network in which every address leads to the gateway; without
    /// it a way out is a proxy alone.
    package internal(set) var capturesNetwork = false
    let host: BubblewrapArguments.Host

    /// Looks at this machine and compiles the filters; blocks for about 10 ms.
    package init(bubblewrap: String) throws(SeccompError) {
        self.bubblewrap = bubblewrap
        filter = try SeccompFilter()
        hostNetworkFilter = try SeccompFilter(SyscallRule.hostNetwork)
        strictFilter = try SeccompFilter(allowing: CallGroup.strict)
        host = .current()
    }

    /// The same, with or without a network whose every address leads to the gateway.
    package func capturing(_ captures: Bool) -> Self {
        var copy = self
        copy.capturesNetwork = captures
        return copy
    }

    /// The same with less or more of what only some machines have.
    package func with(landlockVersion: Int, groups: ControlGroups?) -> Self {
        var copy = self
        copy.landlockVersion = landlockVersion
        copy.groups = groups
        return copy
    }

    package var description: String {
        "\(bubblewrap), Landlock \(landlockVersion), \(groups?.words ?? "no control groups")"
    }

    /// The filters of a cage, in the order they are set.
    package func filters(of plan: CagePlan) -> [SeccompFilter] {
        let first = plan.network == .host ? hostNetworkFilter : filter
        return plan.seccomp == .strict ? [first, strictFilter] : [first]
    }
}
