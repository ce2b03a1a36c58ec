/// What of the folders a server is given must not be there for it.
///
/// The rules come from above; here is only where they are asked.
package struct HidingRules: Sendable, Equatable {
    /// Whether an entry is denied: its name, and its path from the root of the tree on.
    package typealias Denies = @Sendable (_ name: [UInt8], _ path: [UInt8]) -> Bool

    /// As written; two sets of rules with the same patterns are the same.
    package let patterns: [String]
    /// Names that are denied in every folder, so that they can be taken before a file has them.
    package let literalNames: [String]
    /// Given the names the root of a tree has, outside and inside.
    let denies: @Sendable (_ roots: [String]) -> Denies

    package init(
        patterns: [String],
        literalNames: [String],
        denies: @escaping @Sendable (_ roots: [String]) -> Denies
    ) {
        self.patterns = patterns
        self.literalNames = literalNames
        self.denies = denies
    }

    package static func == (left: Self, right: Self) -> Bool { left.patterns == right.patterns }
}

/// How much of a folder is looked through at most; past that a server is not started with it.
package struct HidingLimits: Sendable, Equatable {
    package var entryCount = 200_000
    /// By the clock, not by work: a disk that does not answer holds a thread and uses no processor.
    ///
    /// A busy machine may need longer, so that the next start looks again.
    package var time: Duration = .seconds(5)
    /// Of a path from the root of its tree on, and of what stands before it: what is longer can be
    /// matched by nothing, and is hidden.
    package var pathByteCount = 3500
    /// Literal names taken in every folder.
    package var literalNameCount = 32
    /// Entries of one folder that are shown one by one where no overlay can be.
    package var composedCount = 80

    package init() {}
}
