internal import JSON

/// The root's shape, and the closed way into it.
extension ProgramBuilder {
    /// The compiled schema; `build()` has run.
    ///
    /// A root whose properties are all named by itself is closed by a copy of its node with a rule
    /// for the rest. Any other is entered with marks, and what stays unmarked is refused.
    mutating func finished(_ closing: SchemaCompiler.Closing) -> CompiledSchema {
        var entry: Int32 = 0
        var closesByMarks = false
        if closing == .unlessOpen {
            if parts.steps[parts.nodes[0].steps.range].contains(where: Self.marks) {
                closesByMarks = true
            } else {
                entry = closedRoot()
            }
        }
        let shape = rootShape()
        return CompiledSchema(
            Program(parts),
            entry: entry,
            closesByMarks: closesByMarks,
            limits: limits,
            propertyNames: shape.names,
            hasProperties: shape.hasProperties,
            isOpen: closing == .asWritten || shape.isOpen
        )
    }

    private mutating func closedRoot() -> Int32 {
        var root = parts.nodes[0]
        var never = Node()
        never.isNever = true
        never.types = []
        never.resource = root.resource
        let place = Place(parent: 0, segment: "", resource: root.resource)
        let neverNumber = Int32(truncatingIfNeeded: parts.nodes.count)
        parts.nodes.append(never)
        parts.places.append(place)
        root.object = closed(root.object, with: neverNumber, .closed)
        parts.nodes.append(root)
        parts.places.append(place)
        return neverNumber + 1
    }

    /// What the root, and everything applied to the same value, says about properties.
    private func rootShape() -> (names: [String], hasProperties: Bool, isOpen: Bool) {
        var names: Set<JSONString> = []
        var hasProperties = false
        var isOpen = false
        var seen: Set<Int32> = [0]
        var waiting: [Int32] = [0]
        while let number = waiting.popLast() {
            let node = parts.nodes[Int(number)]
            if node.object >= 0 {
                let rule = parts.objects[Int(node.object)]
                for place in rule.keys.range where isTaken(parts.keys.entries[place].node) {
                    names.insert(
                        JSONString(String(decoding: parts.keys.key(at: place), as: UTF8.self))
                    )
                }
                if rule.patterns.count > 0 { hasProperties = true }
                if isTaken(rule.additional) { isOpen = true }
            }
            for case .unevaluatedProperties(let rest) in parts.steps[node.steps.range]
            where isTaken(rest) {
                isOpen = true
            }
            for case .dynamicReference(_, let fallback) in parts.steps[node.steps.range]
            where seen.insert(fallback).inserted {
                waiting.append(fallback)
            }
            // What stands under `not` is what the value must not be.
            let targets = parts.inPlaceTargets(of: Int(number), includingNot: false)
            for target in targets where seen.insert(target).inserted {
                waiting.append(target)
            }
        }
        hasProperties = hasProperties || !names.isEmpty
        return (names.sorted().map(\.text), hasProperties, isOpen)
    }

    private func isTaken(_ node: Int32) -> Bool {
        node >= 0 && !parts.nodes[Int(node)].isNever
    }
}
