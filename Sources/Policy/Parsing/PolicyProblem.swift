import Base
package import JSON

/// One thing in a policy that is not taken.
package struct PolicyProblem: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Cause: Equatable, Sendable {
        case wrongKind(expected: String)
        case unknownKey(String, known: [String])
        case missingKey(String)
        case unknownWord(String, known: [String])
        case badName(String)
        case badPointer(String)
        case badGlob(String, reason: String)
        case badHost(String)
        case badPattern(reason: String)
        case badRate(String)
        case badRange(String)
        case empty(what: String)
        case tooMany(what: String, limit: Int)
        case contradiction(String)
        case notAvailable(String)
        case unknownServer(String, known: [String])
        case noEffect(String)
        case duplicate(String)
    }

    package let cause: Cause
    /// The place in the document.
    package let pointer: JSONPointer
    /// Where that was written, when it is known.
    package let position: Position?

    package init(_ cause: Cause, at pointer: JSONPointer, position: Position?) {
        self.cause = cause
        self.pointer = pointer
        self.position = position
    }

    package var description: String {
        let place = position.map { "\($0): " } ?? ""
        return "\(place)`\(printable(pointer.description))`: \(text)"
    }

    /// What is wrong and what to write, without the place.
    package var text: String {
        switch cause {
        case .wrongKind(let expected): "expected \(expected)"
        case .unknownKey(let key, let known):
            "unknown key `\(printable(key))`" + Spelling.suggestion(for: key, in: known)
                + "; use one of \(Self.list(known))"
        case .missingKey(let key): "`\(key)` is missing; write it"
        case .unknownWord(let word, let known):
            "unknown word `\(printable(word))`" + Spelling.suggestion(for: word, in: known)
                + "; use one of \(Self.list(known))"
        case .badName(let reason): reason
        case .badPointer(let reason): reason
        case .badGlob(let glob, let reason): "glob `\(printable(glob))` \(reason)"
        case .badHost(let host):
            "`\(printable(host))` is no host; write `api.example.com`, `*.example.com` or with `:port`"
        case .badPattern(let reason): reason
        case .badRate(let rate):
            "`\(printable(rate))` is no rate; write a number, `/` and one of s, min, h, d, as `600/min`"
        case .badRange(let expected): "out of range; write \(expected)"
        case .empty(let what): "\(what) is empty; write at least one entry or leave it out"
        case .tooMany(let what, let limit): "more than \(limit) \(what); write fewer"
        case .contradiction(let what): what
        case .notAvailable(let what): "\(what) is not available in this version; leave it out"
        case .unknownServer(let name, let known):
            "no server `\(printable(name))` is configured here"
                + (Spelling.nearest(to: name, in: known).map { "; did you mean `\($0)`?" }
                    ?? "; correct the name")
        case .noEffect(let what): what
        case .duplicate(let what): what
        }
    }

    private static func list(_ words: [String]) -> String { words.joined(separator: ", ") }
}

/// Everything in a policy that is not taken, in the order it was found; never empty.
package struct PolicyLoadError: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [PolicyProblem]

    package var description: String {
        problems.map(\.description).joined(separator: "; ")
    }
}
