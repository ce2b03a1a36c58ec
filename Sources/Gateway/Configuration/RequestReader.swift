import Base
import Egress
private import JSON

/// Reads which requests may be sent, in so far as the gateway sees them.
enum RequestReader {
    /// HEAD and CONNECT are not carried where TLS is ended.
    private static let knownMethods: Set<String> = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
    ]
    private static let pathCountLimit = 64

    /// Nil where neither is written.
    static func read(
        _ methods: Field?,
        _ paths: Field?
    ) throws(ConfigurationError) -> RequestRule? {
        guard methods != nil || paths != nil else { return nil }
        return RequestRule(methods: try self.methods(methods), paths: try self.paths(paths))
    }

    /// Empty where none are written.
    static func methods(_ field: Field?) throws(ConfigurationError) -> Set<String> {
        guard let field else { return [] }
        var methods: Set<String> = []
        for element in try field.elements() {
            let method = try element.string()
            guard knownMethods.contains(method) else {
                throw element.wrong(
                    "`\(printable(method))` is not carried",
                    hint: "use some of: " + knownMethods.sorted().joined(separator: ", ")
                )
            }
            methods.insert(method)
        }
        guard !methods.isEmpty else { throw field.wrong("`methods` is empty") }
        return methods
    }

    private static func paths(_ field: Field?) throws(ConfigurationError) -> [PathPattern] {
        guard let field else { return [] }
        var patterns: [PathPattern] = []
        for element in try field.elements() {
            let text = try element.string()
            guard let pattern = PathPattern(text) else {
                throw element.wrong(
                    "`\(printable(text))` is no path",
                    hint:
                        "write `/v1/items`, `/repos/*/issues` (one segment) or `/v1/**` (all below), "
                        + "without escapes"
                )
            }
            patterns.append(pattern)
        }
        guard (1...pathCountLimit).contains(patterns.count) else {
            throw field.wrong("`paths` names 1 to \(pathCountLimit) paths")
        }
        return patterns
    }
}
