/// Why there is no secure connection.
package enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The certificates a client shall believe, or a server shall show, cannot be loaded.
    case notLoaded(files: [String], reason: String)
    case failed(reason: String)
    /// The peer left before the handshake was done.
    case endedEarly
    /// The connection ended without the word that it was meant to: the rest may be missing.
    case truncated

    package var description: String {
        switch self {
        case .notLoaded(let files, let reason):
            "cannot use \(files.map { "`\($0)`" }.joined(separator: ", ")): \(reason)"
        case .failed(let reason): reason
        case .endedEarly: "the connection ended during the handshake"
        case .truncated: "the connection ended without close_notify, something may be missing"
        }
    }
}
