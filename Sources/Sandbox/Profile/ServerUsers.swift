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
}
