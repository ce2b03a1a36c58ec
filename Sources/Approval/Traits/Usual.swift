package import JSON

/// What calls of one tool were like so far; bounded, and kept in the state.
package struct Usual: Sendable, Equatable {
    /// So many values of a kind are remembered; the one not seen for longest goes first.
    static let valueCount = 64

    struct Seen: Sendable, Equatable {
        var count: Int
        /// The number of the call that had it last.
        var last: Int
    }

    package private(set) var calls = 0
    /// The largest call form, in bytes.
    package private(set) var largest = 0
    private(set) var seen: [CallTraits.Kind: [JSONString: Seen]] = [:]

    package init() {}

    /// Remembers a call that was sent; true when that is worth keeping.
    package mutating func note(_ traits: CallTraits) -> Bool {
        calls += 1
        // A count is only told roughly, so that it need not be written each time.
        var isNews = calls & (calls - 1) == 0 || traits.byteCount > largest
        largest = max(largest, traits.byteCount)
        for (kind, values) in traits.values {
            for value in values {
                if seen[kind]?[value] == nil {
                    isNews = true
                    if let seen = seen[kind], seen.count >= Self.valueCount,
                        let oldest = seen.min(by: { $0.value.last < $1.value.last })
                    {
                        self.seen[kind]?[oldest.key] = nil
                    }
                }
                let count = seen[kind]?[value]?.count ?? 0
                seen[kind, default: [:]][value] = Seen(count: count + 1, last: calls)
            }
        }
        return isNews
    }

    /// What is new about a call, one line each; empty where it is like those before.
    package func remarks(on traits: CallTraits) -> [String] {
        guard calls > 0 else { return ["the first call of this tool that is remembered"] }
        var remarks: [String] = []
        for kind in CallTraits.Kind.allCases {
            for value in traits.values[kind] ?? [] where seen[kind]?[value] == nil {
                var line = "first \(kind.name) of its name: \(value.text)"
                let known = (seen[kind] ?? [:]).sorted {
                    ($1.value.count, $0.key) < ($0.value.count, $1.key)
                }
                if known.isEmpty {
                    line += " (no \(kind.name) was named before)"
                } else {
                    let names = known.prefix(2).map { "\($0.key.text) (\($0.value.count))" }
                    line += "; usual: " + names.joined(separator: ", ")
                }
                remarks.append(line)
            }
        }
        if traits.byteCount > 1024, traits.byteCount / 2 > largest {
            remarks.append(
                "\(traits.byteCount) bytes of arguments; the largest of \(calls) calls before had \(largest)"
            )
        }
        return remarks
    }

    // MARK: How it is kept

    package var value: JSONValue {
        var kinds = JSONObject()
        for (kind, values) in seen {
            kinds[JSONString(kind.rawValue)] = .array(
                values.sorted { $0.key < $1.key }.map { value, seen in
                    .array([.string(value), .init(seen.count), .init(seen.last)])
                }
            )
        }
        return [
            "calls": .init(calls), "largest": .init(largest), "seen": .object(kinds), "usual": 1,
        ]
    }

    package init(json node: JSONNode) throws(KeptFormError) {
        let form = try KeptForm(node, of: "usual")
        calls = max(0, Int(clamping: try form.whole("calls")))
        largest = max(0, Int(clamping: try form.whole("largest")))
        for kind in CallTraits.Kind.allCases {
            let rows = form["seen"]?.member(kind.rawValue)?.elements.map { $0 } ?? []
            for row in rows.prefix(Self.valueCount) {
                let parts = row.elements.map { $0 }
                guard parts.count == 3, let name = parts[0].string,
                    let count = parts[1].number?.int64, let last = parts[2].number?.int64
                else { throw form.fault("seen") }
                seen[kind, default: [:]][JSONString(name)] = Seen(
                    count: Int(clamping: count),
                    last: Int(clamping: last)
                )
            }
        }
    }
}
