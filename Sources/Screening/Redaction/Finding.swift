/// A stretch of text that must not leave, and why.
struct Finding: Equatable {
    var range: Range<Int>
    /// The rule's id; what stands in the text instead is `[REDACTED:rule]`.
    var rule: String
    /// The name of the known secret, for the report.
    var secret: String?

    static let knownSecret = "known-secret"
    /// Not a secret: an imitation of the untrusted marker, broken up where it stands.
    static let marker = "untrusted-marker"

    init(range: Range<Int>, rule: String, secret: String? = nil) {
        self.range = range
        self.rule = rule
        self.secret = secret
    }

    var replacement: [UInt8] {
        rule == Self.marker ? UntrustedMarker.broken : Array("[REDACTED:\(rule)]".utf8)
    }

    /// Sorted, with overlapping ones joined under the rule of the first; known secrets go first.
    static func joined(_ findings: [Finding]) -> [Finding] {
        let sorted = findings.sorted { left, right in
            (left.range.lowerBound, right.range.upperBound)
                < (right.range.lowerBound, left.range.upperBound)
        }
        var result: [Finding] = []
        for finding in sorted {
            guard let last = result.last, finding.range.lowerBound < last.range.upperBound else {
                result.append(finding)
                continue
            }
            let range =
                last.range.lowerBound..<max(last.range.upperBound, finding.range.upperBound)
            result[result.count - 1].range = range
            if last.secret == nil, finding.secret != nil || last.rule == marker {
                result[result.count - 1].rule = finding.rule
                result[result.count - 1].secret = finding.secret
            }
        }
        return result
    }
}

/// Why a text could not be screened; it is withheld then.
package enum ScreeningFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case overBudget(limitInMilliseconds: Int64)
    case outOfMemory(rule: String)

    package var description: String {
        switch self {
        case .overBudget(let limit): "looking for secrets took more than \(limit) ms of work"
        case .outOfMemory(let rule): "looking for secrets ran out of memory at rule `\(rule)`"
        }
    }
}
