package import Base

/// Puts something harmless in the place of known values, in every spelling they are looked for, and
/// changes nothing else: for bytes that go on to a program, not to a model.
package struct SecretMask: Sendable {
    private let scanner: SecretScanner
    private let masks: [String: [UInt8]]
    private let clock: any Clock

    /// - Parameter secrets: values that are too short to be looked for are not among them.
    package init(_ secrets: [(secret: KnownSecret, mask: [UInt8])], clock: any Clock) {
        scanner = SecretScanner(secrets.map(\.secret))
        masks = Dictionary(secrets.map { ($0.secret.name, $0.mask) }) { first, _ in first }
        self.clock = clock
    }

    package var isEmpty: Bool { scanner.isEmpty }

    /// The names of the values that stand in these bytes.
    package func names(in bytes: [UInt8]) throws(ScreeningFailure) -> Set<String> {
        var budget = WorkBudget(byteCount: bytes.count, clock: clock)
        var findings: [Finding] = []
        try scanner.appendFindings(in: bytes, to: &findings, budget: &budget)
        return Set(findings.compactMap(\.secret))
    }

    /// The bytes without the values, and how often one was taken out.
    package func masked(
        _ bytes: [UInt8]
    ) throws(ScreeningFailure) -> (bytes: [UInt8], count: Int) {
        var budget = WorkBudget(byteCount: bytes.count, clock: clock)
        var findings: [Finding] = []
        try scanner.appendFindings(in: bytes, to: &findings, budget: &budget)
        guard !findings.isEmpty else { return (bytes, 0) }
        let joined = Finding.joined(findings)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        for finding in joined {
            let range = finding.range.clamped(to: 0..<bytes.count)
            guard range.lowerBound >= position else { continue }
            result += bytes[position..<range.lowerBound]
            result += finding.secret.flatMap { masks[$0] } ?? Array("[REDACTED]".utf8)
            position = range.upperBound
        }
        return (result + bytes[position...], joined.count)
    }
}
