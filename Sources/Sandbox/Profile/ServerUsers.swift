/// Which uid of the host a server has when the gateway runs as root.
///
/// A server keeps its number as long as the caller keeps the table: what it wrote stays its own.
package struct ServerUsers: Sendable, Equatable {
    /// Above the numbers distributions give to services and below the first for containers; the range
    /// of systemd's DynamicUser, which it leaves when a number is taken (systemd.exec(5)).
    package static let range: ClosedRange<UInt32> = 61_184...65_519

    /// By a name of the caller's that is unique to tenant and server.
    package private(set) var numbers: [String: UInt32]

    package init(_ numbers: [String: UInt32] = [:]) { self.numbers = numbers }

    /// The number of that server, a new one the first time; `isTaken` says which the host uses.
    ///
    /// Nil when all 4,336 are given away. A number is never given to a second server.
    package mutating func number(
        for name: String,
        isTaken: (UInt32) -> Bool = { _ in false }
    ) -> UInt32? {
        if let number = numbers[name] { return number }
        let used = Set(numbers.values)
        guard let free = Self.range.first(where: { !used.contains($0) && !isTaken($0) }) else {
            return nil
        }
        numbers[name] = free
        return free
    }

    // MARK: As a file

    /// One line per server, `NUMBER NAME`, sorted by number.
    package var text: String {
        numbers.sorted { $0.value < $1.value }.map { "\($0.value) \($0.key)\n" }.joined()
    }

    /// Nil when a line is none, a number lies outside the range, or one stands there twice: a table
    /// that was damaged must not give one server's files to another.
    package init?(text: String) {
        var numbers: [String: UInt32] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let number = UInt32(words[0]), Self.range.contains(number),
                numbers.updateValue(number, forKey: String(words[1])) == nil
            else { return nil }
        }
        guard Set(numbers.values).count == numbers.count else { return nil }
        self.numbers = numbers
    }
}
