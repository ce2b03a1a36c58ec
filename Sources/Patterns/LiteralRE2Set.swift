package import Base
private import CRE2

/// One `RE2::Set` of literals: which of them occur, without where.
///
/// Whole expressions do not work in a set (hundreds of real redaction rules need tens of
/// megabytes and a second per 100 KB of unseen text); literals do.
/// Unchecked: compiled once in `init`, immutable after it, and RE2 guards its own caches.
@safe package final class LiteralRE2Set: LiteralSet, @unchecked Sendable {
    private let handle: OpaquePointer
    private let count: Int
    private static let description = "the literals of a set"

    package init(_ literals: [[UInt8]], memoryBudget: Int) throws(PatternFailure) {
        let flags = CRE2_LATIN1 | CRE2_IGNORE_CASE | CRE2_LITERAL
        guard let set = unsafe cre2_set_new(UInt32(flags), Int64(memoryBudget)) else {
            throw .limitExceeded(pattern: Self.description)
        }
        unsafe handle = set
        count = literals.count
        var message = [CChar](repeating: 0, count: 256)
        for (index, literal) in literals.enumerated() {
            let status = unsafe cre2_set_add(
                set,
                literal,
                literal.count,
                &message,
                message.count
            )
            guard status == CInt(clamping: index) else {
                throw .invalid(
                    pattern: String(decoding: literal, as: UTF8.self),
                    reason: errorText(message, status: status)
                )
            }
        }
        guard unsafe cre2_set_compile(set) == 0 else {
            throw .limitExceeded(pattern: Self.description)
        }
    }

    deinit { unsafe cre2_set_free(handle) }

    package func appendOccurring(
        in text: [UInt8],
        range: Range<Int>,
        to found: inout [Int]
    ) throws(PatternFailure) {
        let range = range.clamped(to: 0..<text.count)
        guard count > 0, !range.isEmpty else { return }
        var indices: UnsafePointer<Int32>?
        let status = unsafe text.withUnsafeBufferPointer { whole in
            let buffer = unsafe UnsafeBufferPointer(rebasing: whole[range])
            return unsafe cre2_set_match(handle, buffer.baseAddress, buffer.count, &indices)
        }
        guard status >= 0 else { throw .limitExceeded(pattern: Self.description) }
        guard status > 0 else { return }
        let occurring = unsafe UnsafeBufferPointer(start: indices, count: Int(status))
        unsafe found.append(contentsOf: occurring.lazy.map { Int($0) })
    }
}
