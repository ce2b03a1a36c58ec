import Base

/// The date of RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let days: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    static func append(_ timestamp: Timestamp, to output: inout [UInt8]) {
        // `2026-08-01T12:00:00.000Z`; years of more than four digits are none of ours.
        let text = Array(timestamp.description.utf8)
        let day = Int(max(0, timestamp.milliseconds) / 86_400_000)
        guard text.count == 24 else { return }
        let month = Int(text[5] &- 0x30) * 10 + Int(text[6] &- 0x30)
        output.append(days[day % 7])
        output.append(", ")
        output.append(contentsOf: text[8..<10])
        output.append(0x20)
        output.append(months[(month + 11) % 12])
        output.append(0x20)
        output.append(contentsOf: text[0..<4])
        output.append(0x20)
        output.append(contentsOf: text[11..<19])
        output.append(" GMT")
    }
}
