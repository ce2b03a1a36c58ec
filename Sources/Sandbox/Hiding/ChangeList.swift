package import Base

/// What a server changed in a folder of which it has a copy on write, against what is there now.
package struct ChangeList: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case added, modified, removed
        /// Under a denied name, or in the place of what is hidden; never committed.
        case denied
        /// Neither file, folder nor link; never committed.
        case unusable

        var isCommitted: Bool { self != .denied && self != .unusable }
    }

    package struct Change: Sendable, Equatable {
        /// From the folder on, as bytes.
        package let path: [UInt8]
        package let kind: Kind
        /// Of a file; nil for everything else.
        package let byteCount: Int64?
        /// Where a link leads.
        package let target: [UInt8]?
    }

    package internal(set) var changes: [Change] = []
    /// Over all of the above, contents, and what they would be put in the place of: what was shown is
    /// what is committed.
    package internal(set) var digest: Digest
}

/// A change that cannot be listed or made, in words for a person.
package enum ChangeFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case tooMuch(String)
    case unreadable(path: String, code: Int32)
    /// Something changed since it was shown.
    case stale
    case failed(path: String, code: Int32)

    package var description: String {
        switch self {
        case .tooMuch(let limit):
            "there are more than \(limit) of changes; drop them, or copy what is wanted by hand"
        case .unreadable(let path, let code):
            "`\(printable(path))` cannot be read (errno \(code))"
        case .stale: "what is there changed since it was shown; look at the changes again"
        case .failed(let path, let code):
            "`\(printable(path))` cannot be changed (errno \(code)); what came before it is done, what "
                + "comes after is kept"
        }
    }
}
