/// What every cage of one gateway shares; made once at start.
package struct CageTools: Sendable {
    /// The path of bubblewrap.
    package let bubblewrap: String
    package let filter: SeccompFilter
    /// For cages on the host's network.
    package let hostNetworkFilter: SeccompFilter
    let host: BubblewrapArguments.Host

    /// Looks at this machine and compiles the filter; blocks for about 5 ms.
    package init(bubblewrap: String) throws(SeccompError) {
        self.bubblewrap = bubblewrap
        filter = try SeccompFilter()
        hostNetworkFilter = try SeccompFilter(SyscallRule.hostNetwork)
        host = .current()
    }
}
