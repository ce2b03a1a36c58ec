import Base
private import CRE2

/// One RE2 program; it is freed with this object.
///
/// Unchecked: the program is immutable and RE2 guards its own caches, so that any thread may match
/// with it (re2.h, "is safe for concurrent use by multiple threads").
@safe final class RE2Pattern: @unchecked Sendable {
    enum Text: Sendable { case utf8, bytes }

    let pattern: String
    private let handle: OpaquePointer

    /// - Parameter shown: the pattern as its author wrote it, for messages.
    init(
        _ expression: String,
        shown: String,
        _ text: Text,
        memoryBudget: Int
    ) throws(PatternFailure) {
        pattern = shown
        var created: OpaquePointer?
        var message = [CChar](repeating: 0, count: 256)
        let bytes = Array(expression.utf8)
        let status = unsafe cre2_compile(
            bytes,
            bytes.count,
            text == .bytes ? UInt32(CRE2_LATIN1) : 0,
            Int64(memoryBudget),
            &created,
            &message,
            message.count
        )
        guard status == 0, let created = unsafe created else {
            throw .invalid(pattern: shown, reason: errorText(message, status: status))
        }
        unsafe handle = created
    }

    deinit { unsafe cre2_free(handle) }

    var programSize: Int { unsafe Int(cre2_program_size(handle)) }

    func matches(_ text: Span<UInt8>) throws(PatternFailure) -> Bool {
        let status = unsafe text.withUnsafeBufferPointer { buffer in
            unsafe cre2_matches(handle, buffer.baseAddress, buffer.count)
        }
        guard status >= 0 else { throw .limitExceeded(pattern: pattern) }
        return status == 1
    }

    func first(in text: [UInt8], range: Range<Int>) throws(PatternFailure) -> PatternSpan? {
        var spans: [Int] = [.max, .max, .max, .max]
        let status = unsafe text.withUnsafeBufferPointer { buffer in
            // A negative bound becomes a huge one, which the shim refuses.
            unsafe cre2_find(
                handle,
                buffer.baseAddress,
                buffer.count,
                Int(clamping: range.lowerBound.magnitude),
                Int(clamping: range.upperBound.magnitude),
                &spans
            )
        }
        guard status >= 0 else { throw .limitExceeded(pattern: pattern) }
        guard status == 1, spans[0] <= spans[1] else { return nil }
        let group = spans[2] == .max || spans[2] > spans[3] ? nil : spans[2]..<spans[3]
        return PatternSpan(whole: spans[0]..<spans[1], group: group)
    }
}

/// What the library said, or what its status means.
func errorText(_ message: [CChar], status: CInt) -> String {
    let bytes = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "status \(status)" : String(decoding: bytes, as: UTF8.self)
}
