import Base
private import CRE2

/// One `RE2::Set` of expressions: whether any of them matches, without which and where.
///
/// Unchecked: compiled once in `init`, immutable after it, and RE2 guards its own caches.
@safe final class RE2Union: PatternUnion, @unchecked Sendable {
    private let handle: OpaquePointer
    /// The longest text that is looked through, in bytes.
    ///
    /// A pattern by itself gives up a table of states that does not pay; a set makes it to the end
    /// of the text, each state of up to all its programs.
    private let longestText: Int

    /// Nil where one of them does not compile, or all together need more than the budget.
    init?(_ patterns: [String], memoryBudget: Int) {
        guard let set = unsafe cre2_set_new(0, Int64(memoryBudget)) else { return nil }
        unsafe handle = set
        var programSize = 0
        var message = [CChar](repeating: 0, count: 256)
        for pattern in patterns {
            let alone = try? RE2Pattern(
                pattern,
                shown: pattern,
                .utf8,
                memoryBudget: PatternLimits.schemaMemory
            )
            let bytes = Array(pattern.utf8)
            guard let alone,
                unsafe cre2_set_add(set, bytes, bytes.count, &message, message.count) >= 0
            else { return nil }
            programSize += max(1, alone.programSize)
        }
        longestText = PatternLimits.unionSteps / max(1, programSize)
        guard unsafe cre2_set_compile(set) == 0 else { return nil }
    }

    deinit { unsafe cre2_set_free(handle) }

    func mayMatch(_ text: Span<UInt8>) -> Bool {
        guard text.count <= longestText else { return true }
        return unsafe text.withUnsafeBufferPointer { buffer in
            unsafe cre2_set_may_match(handle, buffer.baseAddress, buffer.count) != 0
        }
    }
}
