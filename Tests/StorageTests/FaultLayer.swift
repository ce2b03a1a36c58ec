private import CFaultyVFS

/// The file layers of the fault tests.
enum FaultLayer {
    /// Power is lost after a number of writes and syncs; name it in `StoreOptions.layer`.
    static let crash = "crash"
    /// Room ends after a number of bytes; name it in `StoreOptions.layer`.
    static let limited = "limited"

    /// Plans one loss of power.
    ///
    /// Only one test of a process may use it at a time.
    static func losePower(seed: UInt64, after operations: UInt64) -> Bool {
        faulty_crash_begin(seed, operations) == 0
    }

    /// Ends the plan, after every store was closed; whether power was lost.
    static func restorePower() -> Bool { faulty_crash_end() == 1 }

    /// From now on files may grow by `byteCount` in all, or not be written at all.
    static func limit(byteCount: Int64, isReadOnly: Bool = false) -> Bool {
        faulty_limit(byteCount, isReadOnly ? 1 : 0) == 0
    }

    /// How many writes the limited layer has passed on.
    static var writes: UInt64 { faulty_writes() }
}
