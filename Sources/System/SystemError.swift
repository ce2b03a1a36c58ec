import CLinux

/// A system call that failed: which one, on what, and the kernel's reason.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the call, such as `connect`.
    package let call: String
    /// The positive errno.
    package let code: CInt
    /// The path or address it was about, when there is one.
    package let subject: String?

    package init(call: String, code: CInt, subject: String? = nil) {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// The symbolic name, such as `ENOENT`.
    package var name: String {
        guard let name = unsafe cgate_error_name(code) else { return "errno \(code)" }
        return unsafe String(cString: name)
    }

    /// The reason in words, such as `No such file or directory`.
    package var text: String {
        var buffer = [CChar](repeating: 0, count: 128)
        let length = unsafe cgate_error_text(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package var description: String {
        let place = subject.map { " `\($0)`" } ?? ""
        return "\(call)\(place): \(text) (\(name))"
    }
}

/// Turns a negative errno into an error; other results pass.
func checked<Number: SignedInteger>(
    _ call: StaticString,
    _ result: Number,
    subject: String? = nil
) throws(SystemError) -> Number {
    guard result < 0 else { return result }
    throw SystemError(call: "\(call)", code: CInt(truncatingIfNeeded: -result), subject: subject)
}

/// Makes sure that a text reaches the kernel whole: a C string ends at its first NUL.
func refuseNUL(_ text: String, call: StaticString) throws(SystemError) {
    guard text.utf8.contains(0) else { return }
    throw SystemError(call: "\(call)", code: Errno.invalidArgument, subject: text)
}
