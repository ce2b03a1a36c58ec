package import JSON

/// What a server may ask of the agent behind a call, by its method (2025-11-25, client; 2026-07-28,
/// basic/patterns/mrtr).
package enum InputKind: String, Sendable, CaseIterable {
    /// A person.
    case elicitation = "elicitation/create"
    /// The agent's model.
    case sampling = "sampling/createMessage"
    /// The folders the agent works in.
    case roots = "roots/list"
}

/// How an agent can be asked: its person with a form or by a page to open, its model, for its
/// folders.
package struct InputModes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// None of them; an empty literal is read by a generic initialiser that costs hundreds.
    package init() { rawValue = 0 }

    package static let form = InputModes(rawValue: 1)
    package static let url = InputModes(rawValue: 2)
    package static let sampling = InputModes(rawValue: 4)
    package static let roots = InputModes(rawValue: 8)
    /// That its model may be given tools of the server's; only beside `sampling`.
    package static let samplingTools = InputModes(rawValue: 16)

    package var isEmpty: Bool { rawValue == 0 }

    /// What a client's capabilities declare; an empty `elicitation` means forms.
    package init(declaredBy capabilities: JSONNode?, in revision: Revision) {
        var modes = InputModes()
        if let declared = capabilities?["elicitation"], declared.kind == .object,
            revision >= .r2025_06_18
        {
            if declared["form"]?.kind == .object { modes.insert(.form) }
            if declared["url"]?.kind == .object, revision >= .r2025_11_25 { modes.insert(.url) }
            if modes.isEmpty, declared["url"] == nil { modes = .form }
        }
        if let declared = capabilities?["sampling"], declared.kind == .object {
            modes.insert(.sampling)
            if declared["tools"]?.kind == .object, revision >= .r2025_11_25 {
                modes.insert(.samplingTools)
            }
        }
        if capabilities?["roots"]?.kind == .object { modes.insert(.roots) }
        self = modes
    }

    /// The members of a client's capabilities that declare them.
    package func write(_ writer: inout JSONWriter, for revision: Revision) {
        let ways = [(InputModes.form, "form"), (.url, "url")].filter { contains($0.0) }
        if !ways.isEmpty, revision >= .r2025_11_25 || revision >= .r2025_06_18 && contains(.form) {
            writer.key("elicitation")
            writer.beginObject()
            for (_, name) in ways where revision >= .r2025_11_25 {
                writer.key(name)
                writer.beginObject()
                writer.endObject()
            }
            writer.endObject()
        }
        for (mode, name) in [(InputModes.sampling, "sampling"), (.roots, "roots")]
        where contains(mode) {
            writer.key(name)
            writer.beginObject()
            if mode == .sampling, contains(.samplingTools), revision >= .r2025_11_25 {
                writer.key("tools")
                writer.beginObject()
                writer.endObject()
            }
            writer.endObject()
        }
    }
}
