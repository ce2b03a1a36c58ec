package import Base

/// What an approver reads before they decide, as lines for a terminal.
package enum Card {
    /// The whole question; the arguments are complete, escaped and indented.
    ///
    /// `now` gives the time that is left. Who said yes already is not shown to the second person.
    package static func lines(of question: Question, at now: Timestamp) -> [String] {
        let binding = question.binding
        let left = max(0, (question.expires.milliseconds &- now.milliseconds) / 1000)
        var lines = [
            "\(question.ticket)  revision \(question.revision)  \(question.state.word)",
            "tool       \(Visible(binding.tool.description).text)  (\(question.tier))",
            "agent      \(binding.principal), owned by \(question.owner), tenant \(binding.tenant), \(binding.environment)",
            "people     \(question.people) must say yes",
            "time left  \(left) s, until \(question.expires.description)",
            "definition \(binding.pin)",
            "policy     \(binding.policy)",
            "call       \(binding.callForm)",
        ]
        for reason in question.reasons { lines.append("because    \(Visible(reason).text)") }
        let arguments = Self.arguments(question.callForm)
        lines.append("arguments")
        lines += arguments.lines.map { "  " + $0 }
        if let warning = arguments.warning { lines.append("! \(warning)") }
        lines.append("a yes covers exactly this call, once")
        return lines
    }

    /// A call form over several lines with everything visible in it.
    package static func arguments(
        _ callForm: [UInt8]
    ) -> (lines: [String], warning: String?) {
        guard !callForm.isEmpty else { return (["(not kept any more)"], nil) }
        let visible = Visible(String(decoding: indented(callForm), as: UTF8.self))
        return (
            visible.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init),
            visible.warning
        )
    }

    /// Line breaks and two blanks a level; the bytes of keys and values stay as they are.
    private static func indented(_ callForm: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(callForm.count * 2)
        var depth = 0
        var inString = false
        var isEscaped = false
        func breakLine(_ depth: Int) {
            result.append(0x0a)
            // Deeper levels are not indented further, so that no nesting can make a page of blanks.
            result += repeatElement(0x20, count: 2 * min(max(depth, 0), 20))
        }
        for (index, byte) in callForm.enumerated() {
            if inString {
                result.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            let next = index + 1 < callForm.count ? callForm[index + 1] : 0
            switch byte {
            case UInt8(ascii: "\""):
                inString = true
                result.append(byte)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                result.append(byte)
                depth += 1
                if next != UInt8(ascii: "}"), next != UInt8(ascii: "]") { breakLine(depth) }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                let last = result.last
                if last != UInt8(ascii: "{"), last != UInt8(ascii: "[") { breakLine(depth) }
                result.append(byte)
            case UInt8(ascii: ","):
                result.append(byte)
                breakLine(depth)
            case UInt8(ascii: ":"):
                result += [byte, 0x20]
            default: result.append(byte)
            }
        }
        return result
    }
}
