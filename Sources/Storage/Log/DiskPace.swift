/// How the disk has answered of late: whether a loop may wait for it.
struct DiskPace {
    /// A commit that took longer than this was slow.
    static let quick: Duration = .milliseconds(1)
    /// So many quick commits in a row make a quick disk.
    static let row = 8

    private var quickInARow = 0

    var isQuick: Bool { quickInARow >= Self.row }

    mutating func note(_ took: Duration) {
        quickInARow = took < Self.quick ? min(quickInARow + 1, Self.row) : 0
    }
}
