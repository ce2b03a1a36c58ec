/// One class of secret: the words that announce it, how it is written, and how random it must be.
package struct RedactionRule: Sendable {
    /// What is looked at beside the expression.
    package enum Check: Sendable {
        /// The expression says it all.
        case none
        /// The value is no placeholder, and as random as the rule's entropy asks.
        case random
        /// The same, but nothing announces the value except the name of a service: no camel case.
        case randomBesideName
        /// The match ends where a value begins; name and value are judged.
        case assigned
        /// The match ends after a blank; the name must be an option's or stand in a definition.
        case option
        /// The value is a password by its place; it must look chosen.
        case chosen
        /// The value is Base64 of `user:password`.
        case basicCredentials
        /// The match is the first line of a private key; what follows belongs to it.
        case keyBlock
    }

    /// A window round a keyword's hit, in bytes.
    package struct Reach: Hashable, Sendable {
        package let before: Int
        package let after: Int

        package static let standard = Reach(before: 256, after: 8 << 10)
        /// A name and its value stand side by side; a narrower window is less work.
        package static let beside = Reach(before: 128, after: 1 << 10)
    }

    /// What the agent reads: `[REDACTED:id]`.
    package let id: String
    /// What the operator reads.
    package let summary: String
    /// Texts of which one must occur, in either case, before the expression is tried.
    package let keywords: [String]
    /// RE2 over bytes; the first group that took part is the secret, else the whole match.
    package let pattern: String
    /// The least Shannon entropy of the secret, in bits per byte; 0 asks nothing.
    package let entropy: Double
    package let check: Check
    /// Whether a letter or digit right before the match speaks against it.
    package let needsBoundary: Bool
    /// How far before a keyword a match may begin, and how far after it it may end.
    package let reach: Reach
    /// Why the rule is there and why it is not wider.
    package let reason: String

    package init(
        _ id: String,
        _ summary: String,
        keywords: [String],
        pattern: String,
        entropy: Double = 0,
        check: Check = .random,
        needsBoundary: Bool = true,
        reach: Reach = .standard,
        reason: String
    ) {
        self.id = id
        self.summary = summary
        self.keywords = keywords
        self.pattern = pattern
        self.entropy = entropy
        self.check = check
        self.needsBoundary = needsBoundary
        self.reach = reach
        self.reason = reason
    }
}
