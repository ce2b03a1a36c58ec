/// What `\p{…}` may name (ECMA-262 22.2.1.1, tables of Unicode properties), as each engine says it.
struct UnicodeProperty: Equatable {
    /// Nil when RE2 has no tables for it.
    let linear: String?
    let backtracking: String
    /// The ranges themselves, where they are few.
    let set: CodePointSet?

    /// Nil for a name ECMA-262 does not list; names are exact, case included.
    init?(_ text: String, negated: Bool) {
        let letter = negated ? "P" : "p"
        func spelled(_ linear: String?, _ backtracking: String) -> (String?, String) {
            (linear.map { "\\\(letter){\($0)}" }, "\\\(letter){\(backtracking)}")
        }
        let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        if parts.count == 2 {
            let value = parts[1]
            switch name {
            case "General_Category", "gc":
                guard let category = Self.categories[value] else { return nil }
                (linear, backtracking) = spelled(category.linear, category.backtracking)
            case "Script", "sc":
                guard Self.isScriptName(value) else { return nil }
                (linear, backtracking) = spelled(value.count > 4 ? value : nil, "sc:\(value)")
            case "Script_Extensions", "scx":
                guard Self.isScriptName(value) else { return nil }
                (linear, backtracking) = spelled(nil, "scx:\(value)")
            default: return nil
            }
            set = nil
            return
        }
        guard parts.count == 1 else { return nil }
        if let small = Self.smallSets[name] {
            let chosen = negated ? small.complement : small
            set = chosen
            linear = chosen.spelling
            backtracking = chosen.spelling
            return
        }
        set = nil
        if let category = Self.categories[name] {
            (linear, backtracking) = spelled(category.linear, category.backtracking)
        } else if name == "Assigned" {
            linear = nil
            backtracking = negated ? "\\p{Cn}" : "\\P{Cn}"
        } else if Self.binaryNames.contains(name) {
            (linear, backtracking) = spelled(nil, name)
        } else {
            return nil
        }
    }

    private static func isScriptName(_ text: String) -> Bool {
        text.count >= 2
            && text.split(separator: "_", omittingEmptySubsequences: false).allSatisfy { word in
                guard let first = word.utf8.first, (0x41...0x5A).contains(first) || word == "of"
                else { return false }
                return word.utf8.dropFirst().allSatisfy { (0x61...0x7A).contains($0) }
            }
    }

    private static let smallSets: [String: CodePointSet] = [
        "Any": .everything,
        "ASCII": CodePointSet([0...0x7F]),
        "ASCII_Hex_Digit": CodePointSet([0x30...0x39, 0x41...0x46, 0x61...0x66]),
        "AHex": CodePointSet([0x30...0x39, 0x41...0x46, 0x61...0x66]),
        "White_Space": unicodeSpace,
        "space": unicodeSpace,
    ]

    private static let unicodeSpace = CodePointSet([
        0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
        0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
    ])

    /// Every name of a general category.
    ///
    /// RE2 has no tables for unassigned code points, hence none
    /// for `Other` either, and no `LC`.
    private static let categories: [String: (linear: String?, backtracking: String)] = {
        var table: [String: (linear: String?, backtracking: String)] = [
            "C": (nil, "C"), "Other": (nil, "C"), "Cn": (nil, "Cn"), "Unassigned": (nil, "Cn"),
            "LC": (nil, "L&"), "Cased_Letter": (nil, "L&"),
        ]
        let names: [(short: String, long: [String])] = [
            ("L", ["Letter"]), ("Lu", ["Uppercase_Letter"]), ("Ll", ["Lowercase_Letter"]),
            ("Lt", ["Titlecase_Letter"]), ("Lm", ["Modifier_Letter"]), ("Lo", ["Other_Letter"]),
            ("M", ["Mark", "Combining_Mark"]), ("Mn", ["Nonspacing_Mark"]),
            ("Mc", ["Spacing_Mark"]), ("Me", ["Enclosing_Mark"]), ("N", ["Number"]),
            ("Nd", ["Decimal_Number", "digit"]), ("Nl", ["Letter_Number"]),
            ("No", ["Other_Number"]), ("P", ["Punctuation", "punct"]),
            ("Pc", ["Connector_Punctuation"]), ("Pd", ["Dash_Punctuation"]),
            ("Ps", ["Open_Punctuation"]), ("Pe", ["Close_Punctuation"]),
            ("Pi", ["Initial_Punctuation"]), ("Pf", ["Final_Punctuation"]),
            ("Po", ["Other_Punctuation"]), ("S", ["Symbol"]), ("Sm", ["Math_Symbol"]),
            ("Sc", ["Currency_Symbol"]), ("Sk", ["Modifier_Symbol"]), ("So", ["Other_Symbol"]),
            ("Z", ["Separator"]), ("Zs", ["Space_Separator"]), ("Zl", ["Line_Separator"]),
            ("Zp", ["Paragraph_Separator"]), ("Cc", ["Control", "cntrl"]), ("Cf", ["Format"]),
            ("Cs", ["Surrogate"]), ("Co", ["Private_Use"]),
        ]
        for (short, long) in names {
            for name in [short] + long { table[name] = (short, short) }
        }
        return table
    }()

    private static let binaryNames: Set<String> = Set(
        """
        Alphabetic Alpha Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased \
        Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL \
        Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash \
        Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji Emoji_Component EComp \
        Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres \
        Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext \
        Hex_Digit Hex IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC ID_Start \
        IDS Ideographic Ideo Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math \
        Noncharacter_Code_Point NChar Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS \
        Quotation_Mark QMark Radical Regional_Indicator RI Sentence_Terminal STerm Soft_Dotted SD \
        Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper Variation_Selector VS \
        XID_Continue XIDC XID_Start XIDS
        """.split(separator: " ").map(String.init)
    )
}
