private import Base
private import CYAML
private import JSON
private import Policy

extension SourceText {
    /// Reads one YAML document by libyaml, narrowed to what has one meaning.
    ///
    /// Refused with line and column: anchors, aliases, tags, merge keys, keys that are no plain
    /// strings, a key given twice, more than one document, `${…}` (nothing is interpolated), and
    /// plain scalars that YAML versions read differently (`yes`, `0o17`, `1:30`).
    init(file: String, yaml bytes: [UInt8]) throws(ConfigurationError) {
        let builder = YAMLBuilder(file: file)
        var failure = cgate_yaml_error()
        let status = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe cgate_yaml_read(
                buffer.baseAddress,
                buffer.count,
                { event, context in
                    // `context` is the builder passed below, alive for the whole call.
                    let builder = unsafe Unmanaged<YAMLBuilder>.fromOpaque(context)
                        .takeUnretainedValue()
                    return unsafe builder.take(YAMLEvent(event.pointee)) ? 0 : 1
                },
                Unmanaged.passUnretained(builder).toOpaque(),
                &failure
            )
        }
        if let problem = builder.problem { throw problem }
        guard status == 0 else {
            let text = unsafe withUnsafeBytes(of: failure.problem) { raw in
                unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw ConfigurationError(
                file: file,
                position: failure.line == 0
                    ? nil : Position(line: failure.line, column: failure.column),
                problem: text
            )
        }
        let text = builder.writer.bytes.isEmpty ? Array("{}".utf8) : builder.writer.bytes
        do throws(JSONError) {
            self.init(
                file: file,
                document: try JSONDocument(
                    parsing: text,
                    limits: JSONLimits(byteCount: Self.byteCountLimit * 2)
                ),
                positions: builder.positions
            )
        } catch {
            throw ConfigurationError(file: file, position: nil, problem: "\(error)")
        }
    }
}

/// One of libyaml's events, copied out.
private struct YAMLEvent {
    let kind: cgate_yaml_kind
    let text: String
    let isPlain: Bool
    let hasAnchor: Bool
    let hasTag: Bool
    let place: Position

    init(_ event: cgate_yaml_event) {
        kind = unsafe event.kind
        let bytes = unsafe UnsafeBufferPointer(start: event.value, count: event.length)
        text = unsafe String(decoding: bytes, as: UTF8.self)
        isPlain = unsafe event.is_plain != 0
        hasAnchor = unsafe event.has_anchor != 0
        hasTag = unsafe event.has_tag != 0
        place = unsafe Position(line: event.line, column: event.column)
    }
}

/// Builds JSON text from YAML's events.
private final class YAMLBuilder {
    let file: String
    var writer = JSONWriter()
    var positions: [JSONPointer: Position] = [:]
    var problem: ConfigurationError?
    private var open: [Container] = []
    private var documentCount = 0

    private enum Container {
        case sequence(at: JSONPointer, count: Int)
        case mapping(at: JSONPointer, key: JSONString?)
    }

    /// The keys of each mapping that is open; apart from `open`, so that no insertion copies them.
    private var keys: [Set<JSONString>] = []

    init(file: String) { self.file = file }

    /// False when the text is refused; `problem` says why.
    func take(_ event: YAMLEvent) -> Bool {
        let place = event.place
        if event.hasAnchor || event.kind == CGATE_YAML_ALIAS {
            return refuse(
                place,
                "anchors and aliases are not read; write the value where it is used"
            )
        }
        if event.hasTag { return refuse(place, "tags are not read; leave the tag out") }
        switch event.kind {
        case CGATE_YAML_DOCUMENT_START:
            documentCount += 1
            return documentCount == 1 || refuse(place, "one document per file; remove the second")
        case CGATE_YAML_SCALAR:
            return takeScalar(event, place)
        case CGATE_YAML_SEQUENCE_START, CGATE_YAML_MAPPING_START:
            guard open.count < 32 else {
                return refuse(place, "nested too deep; at most 32 levels")
            }
            guard let pointer = startValue(place) else { return false }
            if event.kind == CGATE_YAML_SEQUENCE_START {
                writer.beginArray()
                open.append(.sequence(at: pointer, count: 0))
            } else {
                writer.beginObject()
                open.append(.mapping(at: pointer, key: nil))
                keys.append([])
            }
            return true
        case CGATE_YAML_SEQUENCE_END:
            writer.endArray()
            open.removeLast()
            return true
        case CGATE_YAML_MAPPING_END:
            writer.endObject()
            open.removeLast()
            keys.removeLast()
            return true
        default:
            return true
        }
    }

    private func takeScalar(_ event: YAMLEvent, _ place: Position) -> Bool {
        let text = event.text
        if case .mapping(let pointer, nil) = open.last {
            guard text != "<<" else { return refuse(place, "merge keys are not read") }
            let key = JSONString(text)
            guard keys[keys.count - 1].insert(key).inserted else {
                return refuse(place, "key `\(text)` is given twice; keep one")
            }
            open[open.count - 1] = .mapping(at: pointer, key: key)
            writer.key(key)
            return true
        }
        if text.contains("${") {
            return refuse(place, SourceText.interpolationProblem)
        }
        guard startValue(place) != nil else { return false }
        guard event.isPlain else {
            writer.string(text)
            return true
        }
        switch PlainScalar(text) {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let number): writer.number(number)
        case .string: writer.string(text)
        case .ambiguous(let advice): return refuse(place, advice)
        }
        return true
    }

    /// Notes where a value stands; nil when a mapping stands in the place of a key.
    private func startValue(_ place: Position) -> JSONPointer? {
        let pointer: JSONPointer
        switch open.last {
        case nil: pointer = .root
        case .sequence(let parent, let count):
            pointer = parent.appending(count)
            open[open.count - 1] = .sequence(at: parent, count: count + 1)
        case .mapping(let parent, let key?):
            pointer = parent.appending(key)
            open[open.count - 1] = .mapping(at: parent, key: nil)
        case .mapping:
            _ = refuse(place, "a key must be a plain string")
            return nil
        }
        positions[pointer] = place
        return pointer
    }

    private func refuse(_ place: Position, _ text: String) -> Bool {
        problem = ConfigurationError(file: file, position: place, problem: text)
        return false
    }
}

/// What a scalar without quotes means: YAML 1.2's core schema, less what 1.1 reads otherwise.
private enum PlainScalar {
    case null, bool(Bool), number(JSONNumber), string, ambiguous(String)

    init(_ text: String) {
        switch text {
        case "", "~", "null": self = .null
        case "true": self = .bool(true)
        case "false": self = .bool(false)
        case "yes", "no", "on", "off", "Yes", "No", "On", "Off", "YES", "NO", "ON", "OFF",
            "True", "False", "TRUE", "FALSE", "Null", "NULL":
            self = .ambiguous(
                "`\(text)` means different things to YAML readers; quote it or write true or false"
            )
        default:
            if let number = JSONNumber(text) {
                self = .number(number)
            } else if let first = text.utf8.first, Self.looksNumeric(text, first) {
                self = .ambiguous("`\(text)` may be read as a number; quote it")
            } else {
                self = .string
            }
        }
    }

    /// Octal, hexadecimal, sexagesimal, `1_000`, `.5`, `+1`, `.inf`: numbers to some readers.
    private static func looksNumeric(_ text: String, _ first: UInt8) -> Bool {
        let isDigit = (0x30...0x39).contains(first)
        guard isDigit || first == 0x2b || first == 0x2d || first == 0x2e else { return false }
        let rest = isDigit ? Substring(text) : text.dropFirst()
        guard let next = rest.utf8.first, (0x30...0x39).contains(next) else {
            return [".inf", "+.inf", "-.inf", ".nan", ".Inf", "-.Inf", ".NaN"].contains(text)
        }
        for prefix in ["0x", "0o", "0b"] where rest.hasPrefix(prefix) {
            return rest.utf8.dropFirst(2).allSatisfy { Hex.value(of: $0) != nil || $0 == 0x5f }
        }
        return rest.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || byte == 0x5f || byte == 0x3a || byte == 0x2e
                || byte | 0x20 == 0x65
        } && rest.filter({ $0 == "." }).count <= 1
    }
}
