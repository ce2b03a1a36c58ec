package import JSON

/// A schema ready to check values; immutable, shared by every call of its tool.
package final class CompiledSchema: Sendable {
    let program: Program
    let entry: Int32
    let closesByMarks: Bool
    let limits: SchemaLimits

    /// The properties of the checked value that the schema names, sorted, at whatever branch.
    package let propertyNames: [String]
    /// It names a property, or a pattern of them; a tool whose schema does not is T2 at least.
    package let hasProperties: Bool
    /// A property that no schema names can pass: the schema was not closed, or its author allowed
    /// further properties in so many words.
    package let isOpen: Bool

    init(
        _ program: Program,
        entry: Int32,
        closesByMarks: Bool,
        limits: SchemaLimits,
        propertyNames: [String],
        hasProperties: Bool,
        isOpen: Bool
    ) {
        self.program = program
        self.entry = entry
        self.closesByMarks = closesByMarks
        self.limits = limits
        self.propertyNames = propertyNames
        self.hasProperties = hasProperties
        self.isOpen = isOpen
    }

    /// Checks `value`, and tells the first violations when it does not hold.
    ///
    /// Allocates nothing for a value that holds, unless patterns, `uniqueItems` or marks are needed.
    package func validate(_ value: JSONNode) throws(SchemaFailure) {
        var validator = Validator(program, limits: limits, for: value)
        if validator.run(self, value.place) { return }
        if let stop = validator.stop { throw stop }
        var second = Validator(program, limits: limits, for: value)
        second.isCollecting = true
        _ = second.run(self, value.place)
        throw .violated(second.violations)
    }

    /// Whether `value` holds.
    package func accepts(_ value: JSONNode) -> Bool {
        var validator = Validator(program, limits: limits, for: value)
        return validator.run(self, value.place)
    }
}
