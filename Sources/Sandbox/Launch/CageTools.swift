/// What every cage of one gateway shares; made once at start.
package struct CageTools: Sendable {
    /// The path of bubblewrap.
    package let bubblewrap: String
    package let filter: SeccompFilter
    let host: BubblewrapArguments.Host

    /// Looks at this machine and compiles the filter; blocks for about 5 ms.
    package init(bubblewrap: String) throws(SeccompError) {
        self.bubblewrap = bubblewrap
        filter = try SeccompFilter()
        host = .current()
    }
}
