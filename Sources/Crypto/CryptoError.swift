/// Why a cryptographic step was not done; the cause is ours or the machine's, never a peer's.
package enum CryptoError: Error, Equatable, Sendable, CustomStringConvertible {
    case wrongLength(what: String, expected: Int, found: Int)
    case refused(step: String)
    /// The sealed bytes were changed, or belong to another key or context.
    case notAuthentic

    package var description: String {
        switch self {
        case .wrongLength(let what, let expected, let found):
            "\(what) has \(found) bytes; it must have \(expected)"
        case .refused(let step):
            "openssl refused \(step); check the memory limit and the openssl configuration"
        case .notAuthentic:
            "sealed bytes do not fit their key and context; they were changed or are of another gateway"
        }
    }
}
