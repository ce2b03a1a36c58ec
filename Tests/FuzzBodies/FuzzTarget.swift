/// A parser of outside bytes that is fuzzed; `Fuzz/README.md` says how to add one.
///
/// A body takes any bytes and must come back: a trap, an endless loop or memory without bound is a
/// finding, and so is a promise of the parser that does not hold, which the body states with
/// `expect`.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case checkpoint, json, schema

    /// Runs the body on one input.
    package func run(_ bytes: [UInt8]) {
        switch self {
        case .checkpoint:
            expect(CheckpointFuzz.holds(bytes), "two readers of a checkpoint agree")
        case .json: fuzzJSON(bytes)
        case .schema: expect(SchemaFuzz.holds(bytes), "two ways to check one value agree")
        }
    }
}

/// Ends the process with a finding when a promise does not hold.
func expect(_ holds: Bool, _ promise: @autoclosure () -> String) {
    guard holds else { fatalError("broken promise: \(promise())") }
}
