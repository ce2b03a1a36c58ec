import Audit
import Base
import Crypto
import JSON
import Storage

/// What a start runs under: the configuration found, unless it is looser than the accepted one.
struct StartingConfiguration {
    let set: PolicySet
    /// The one found, where it waits for an approver.
    let pending: PendingConfiguration?
    /// Why it is written down as the accepted one; nil when nothing changed.
    let keptBecause: String?
    /// Whether nothing that was accepted can be gone by: nobody is served until somebody accepts.
    let isNothing: Bool
    /// The last signature accepted before this start.
    let lastSignature: ConfigurationSignature?

    static let key = StateKey(.main, .settings, "accepted")

    /// Compares what was found with what the state keeps; before anything of it is used.
    ///
    /// The very first start accepts what it finds. A state that has lost what was accepted, though
    /// the log says that something was, is no first start: nothing is accepted then.
    ///
    /// - Parameters:
    ///   - found: Signed where there is a trust anchor.
    ///   - kept: Nil at the first start.
    init(
        _ found: PolicySet,
        after kept: KeptConfiguration?,
        trust: TrustAnchor?,
        _ hashing: any Hashing
    ) throws {
        lastSignature = kept?.last
        try found.checkSerial(after: lastSignature)
        guard let kept else {
            (set, pending, keptBecause, isNothing) = (found, nil, "first start", false)
            return
        }
        guard let accepted = kept.accepted else {
            isNothing = true
            set = try PolicySet.nothing(like: found)
            pending = PendingConfiguration(
                set: found,
                loosens: ["what was accepted is missing from the state"] + found.loosens(set)
            )
            keptBecause = nil
            return
        }
        let loosens = found.loosens(accepted)
        guard !loosens.isEmpty else {
            set = found
            pending = nil
            isNothing = false
            let isKnown =
                found.acceptedText == accepted.acceptedText && found.signature == lastSignature
            keptBecause = isKnown ? nil : "start"
            return
        }
        keptBecause = nil
        if let trust, !accepted.holds(under: trust, lastSignature, hashing) {
            isNothing = true
            // Neither does it run on, nor is it what the one found is measured by.
            set = try PolicySet.nothing(like: found)
            pending = PendingConfiguration(
                set: found,
                loosens: ["what was accepted before is not signed by \(trust.text)"]
                    + found.loosens(set),
                replaced: accepted
            )
            return
        }
        set = accepted
        isNothing = false
        pending = PendingConfiguration(set: found, loosens: loosens)
    }
}

extension PolicySet {
    /// Whether what the state keeps is what a key signed, and the last of it.
    fileprivate func holds(
        under trust: TrustAnchor,
        _ last: ConfigurationSignature?,
        _ hashing: any Hashing
    ) -> Bool {
        guard let signed, signed.hold(under: trust, hashing) else { return false }
        return last.map { signed.signature.problem(after: $0) == nil } ?? true
    }

    /// Refuses what is signed and older than what was accepted here under the same key.
    func checkSerial(after last: ConfigurationSignature?) throws(ConfigurationError) {
        guard let signature, let last, let problem = signature.problem(after: last) else { return }
        let hint =
            last.serial < ConfigurationSignature.serials.upperBound
            ? "sign with a higher serial: `gatehouse config sign --key FILE --serial \(last.serial + 1)`"
            : "no serial comes after it: sign with a new key, and have this gateway go by that one"
        throw ConfigurationError(
            file: ConfigurationFiles.signaturePath(of: configuration.file),
            position: nil,
            problem: problem,
            hint: hint
        )
    }

    /// A configuration that lets nothing through and listens nowhere, for the same file.
    static func nothing(like found: PolicySet) throws -> PolicySet {
        let text =
            "{\"gatehouse\":1,\"environment\":\"\(found.configuration.environment)\","
            + "\"listen\":{\"mcp\":\"none\"}}"
        return try PolicySet(
            Configuration(
                SourceText(file: found.configuration.file, bytes: Array(text.utf8))
            ),
            lock: .empty,
            hashing: OpenSSLHashing()
        )
    }
}
