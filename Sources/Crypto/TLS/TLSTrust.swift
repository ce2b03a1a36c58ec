/// Whose certificates a TLS client believes.
package enum TLSTrust: Hashable, Sendable {
    /// What the machine trusts.
    case systemRoots
    /// The certificates of that PEM file, and no others.
    case authorities(file: String)
}
