private import Base

/// How much one JSON text may hold; everything is counted while it is read.
package struct JSONLimits: Equatable, Sendable {
    /// The longest text, in bytes.
    package let byteCount: Int
    /// How deep arrays and objects may lie in one another; a scalar alone has depth 0.
    package let depth: Int
    /// Values and keys together.
    package let nodeCount: Int
    /// Keys of one object.
    package let objectKeyCount: Int

    /// Depth is held to 512, so that no reader of a tree can run out of stack; bytes to 1 GiB and
    /// nodes to 2^24 − 1, which the tape's 32-bit fields can name.
    package init(
        byteCount: Int,
        depth: Int = Limits.jsonDepth,
        nodeCount: Int = Limits.jsonNodeCount,
        objectKeyCount: Int = Limits.jsonObjectKeyCount
    ) {
        self.byteCount = min(max(byteCount, 0), Self.mostBytes)
        self.depth = min(max(depth, 0), 512)
        self.nodeCount = min(max(nodeCount, 1), (1 << 24) - 1)
        self.objectKeyCount = max(objectKeyCount, 0)
    }

    static let mostBytes = 1 << 30

    /// A request of an agent.
    package static let message = JSONLimits(byteCount: Limits.requestByteCount)
    /// A result of an upstream.
    package static let result = JSONLimits(byteCount: Limits.resultByteCount)
    /// A result with the marks and labels of screening around it.
    package static let screened = JSONLimits(byteCount: Limits.resultByteCount * 2)
}
