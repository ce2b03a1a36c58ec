import Policy
import Sandbox

extension HidingRules {
    /// What a tenant's `deny_paths` say, the list that always holds among them.
    init(_ patterns: [DenyPath]) {
        self.init(
            patterns: patterns.map(\.text),
            literalNames: patterns.compactMap(\.literalName)
        ) { roots in
            let tree = DeniedTree(patterns, roots: roots)
            return { name, path in tree.denies(name: name, path: path) }
        }
    }
}
