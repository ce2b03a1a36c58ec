private import COpenSSL

/// Comparison whose time tells nothing about where two secrets differ.
package enum ConstantTime {
    /// Whether both are the same bytes; only the lengths may show in the time.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        guard !left.isEmpty else { return true }
        return unsafe copenssl_equal(left, right, left.count) == 1
    }
}
