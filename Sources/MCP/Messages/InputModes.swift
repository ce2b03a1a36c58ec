package import JSON

/// How a server may ask the person behind an agent: with a form, or by sending them to a page
/// (2025-11-25, client/elicitation).
package struct InputModes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let form = InputModes(rawValue: 1)
    package static let url = InputModes(rawValue: 2)

    /// What a client's capabilities declare; an empty object means forms.
    package init(declaredBy capabilities: JSONNode?, in revision: Revision) {
        guard let declared = capabilities?["elicitation"], declared.kind == .object,
            revision >= .r2025_06_18
        else {
            self = []
            return
        }
        var modes: InputModes = []
        if declared["form"]?.kind == .object { modes.insert(.form) }
        if declared["url"]?.kind == .object, revision >= .r2025_11_25 { modes.insert(.url) }
        self = modes.isEmpty && declared["url"] == nil ? .form : modes
    }

    /// The members of a client's capabilities that declare them.
    package func write(_ writer: inout JSONWriter, for revision: Revision) {
        guard !isEmpty, revision >= .r2025_06_18 else { return }
        guard contains(.form) || revision >= .r2025_11_25 else { return }
        writer.key("elicitation")
        writer.beginObject()
        if revision >= .r2025_11_25 {
            for (mode, name) in [(InputModes.form, "form"), (.url, "url")] where contains(mode) {
                writer.key(name)
                writer.beginObject()
                writer.endObject()
            }
        }
        writer.endObject()
    }
}
