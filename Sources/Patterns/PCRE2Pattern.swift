import Base
private import CPCRE2

/// One PCRE2 program, run under limits; it is freed with this object.
///
/// Unchecked: the compiled code is immutable, every match has a context of its own.
@safe final class PCRE2Pattern: @unchecked Sendable {
    let pattern: String
    private let handle: OpaquePointer

    init(_ expression: String, shown: String) throws(PatternFailure) {
        pattern = shown
        var created: OpaquePointer?
        var message = [CChar](repeating: 0, count: 256)
        let bytes = Array(expression.utf8)
        let status = unsafe cpcre2_compile(
            bytes,
            bytes.count,
            &created,
            &message,
            message.count
        )
        guard status == 0, let created = unsafe created else {
            throw .invalid(pattern: shown, reason: errorText(message, status: status))
        }
        unsafe handle = created
    }

    deinit { unsafe cpcre2_free(handle) }

    /// Text over `PatternLimits.backtrackingTextByteCount` is not tried.
    func matches(_ text: Span<UInt8>) throws(PatternFailure) -> Bool {
        guard text.count <= PatternLimits.backtrackingTextByteCount else {
            throw .limitExceeded(pattern: pattern)
        }
        let status = unsafe text.withUnsafeBufferPointer { buffer in
            unsafe cpcre2_matches(
                handle,
                buffer.baseAddress,
                buffer.count,
                PatternLimits.stepCount,
                PatternLimits.depth,
                PatternLimits.heapKibibytes
            )
        }
        guard status >= 0 else { throw .limitExceeded(pattern: pattern) }
        return status == 1
    }
}
