/// Finds a schema that would be applied to the same value without end, such as one that is only a
/// reference to itself (2020-12 core 9.4.1).
struct LoopFinder {
    private enum State { case unseen, open, done }

    private let parts: ProgramParts
    private var states: [State]

    init(_ parts: ProgramParts) {
        self.parts = parts
        states = Array(repeating: .unseen, count: parts.nodes.count)
    }

    /// A node of a loop, or nil when there is none.
    ///
    /// Dynamic references are left to the evaluation's depth limit: where they lead is known only
    /// then.
    func firstLoop() -> Int32? {
        var finder = self
        for node in parts.nodes.indices {
            if let loop = finder.search(from: node) { return loop }
        }
        return nil
    }

    // Depth first with a stack of its own: chains of references may be long.
    private mutating func search(from start: Int) -> Int32? {
        guard states[start] == .unseen else { return nil }
        var stack = [(node: start, next: 0, targets: parts.inPlaceTargets(of: start))]
        states[start] = .open
        while let top = stack.last {
            guard top.next < top.targets.count else {
                states[top.node] = .done
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let target = Int(top.targets[top.next])
            switch states[target] {
            case .done: continue
            case .open: return Int32(truncatingIfNeeded: target)
            case .unseen:
                states[target] = .open
                stack.append((target, 0, parts.inPlaceTargets(of: target)))
            }
        }
        return nil
    }
}

extension ProgramParts {
    /// The nodes that are applied to the same value as this one, dynamic references left out.
    func inPlaceTargets(of node: Int, includingNot: Bool = true) -> [Int32] {
        var targets: [Int32] = []
        for step in steps[nodes[node].steps.range] {
            switch step {
            case .reference(let target): targets.append(target)
            case .not(let target): if includingNot { targets.append(target) }
            case .all(let row), .any(let row), .one(let row): targets += lists[row.range]
            case .condition(let rule):
                let rule = conditions[Int(rule)]
                targets += [rule.condition, rule.consequence, rule.alternative].filter { $0 >= 0 }
            case .dependents(let row):
                targets += dependents[row.range].map(\.node).filter { $0 >= 0 }
            case .constant, .enumeration, .dynamicReference, .unevaluatedProperties,
                .unevaluatedItems:
                break
            }
        }
        return targets
    }
}
