import TestKit

@testable import HTTP

/// One `http` block of llhttp's Markdown tests with the `log` that llhttp prints for it.
struct LLHTTPCase {
    let id: String
    let mode: String
    let input: [UInt8]
    var messages: [SampleMessage] = []
    var isRefused = false

    static func all(in file: String) -> [LLHTTPCase] {
        guard let folder = Corpus.folder("llhttp"), let bytes = Corpus.bytes("\(folder)/\(file)")
        else { return [] }
        var cases: [LLHTTPCase] = []
        var title = ""
        var mode = ""
        var block: (kind: String, lines: [String])?
        var input: [UInt8] = []
        var sameTitle = 0
        for line in String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        {
            if let open = block {
                guard line == "```" else {
                    block?.lines.append(line)
                    continue
                }
                if open.kind == "http" { input = Self.decoded(open.lines) }
                if open.kind == "log" {
                    let id = sameTitle == 0 ? title : "\(title) (\(sameTitle + 1))"
                    var sample = LLHTTPCase(id: "\(file): \(id)", mode: mode, input: input)
                    sample.read(log: open.lines)
                    cases.append(sample)
                    sameTitle += 1
                }
                block = nil
            } else if line.hasPrefix("```") {
                block = (String(line.dropFirst(3)), [])
            } else if line.hasPrefix("#") {
                title = String(line.drop { $0 == "#" || $0 == " " })
                sameTitle = 0
            } else if line.hasPrefix("<!-- meta=") {
                mode = Self.value(of: "type", in: line) ?? mode
                if line.contains("pause") { mode += "-pause" }
                if line.contains("skipBody") { mode += "-skip-body" }
            }
        }
        return cases
    }

    private static func value(of key: String, in line: String) -> String? {
        let parts = line.split(separator: "\"").map(String.init)
        guard let index = parts.firstIndex(of: key), index + 2 < parts.count else { return nil }
        return parts[index + 2]
    }

    /// Line ends become CR LF, a backslash at a line's end joins it with the next, `\r` `\n` `\t`
    /// `\f` and `\xNN` stand for their bytes, as in llhttp's own runner.
    private static func decoded(_ lines: [String]) -> [UInt8] {
        var joined: [UInt8] = []
        for (index, line) in lines.enumerated() {
            let bytes = Array(line.utf8)
            if bytes.last == 0x5C {
                joined += bytes.dropLast()
            } else {
                joined += bytes
                if index < lines.count - 1 { joined += [13, 10] }
            }
        }
        var output: [UInt8] = []
        var index = 0
        while index < joined.count {
            let next = index + 1 < joined.count ? joined[index + 1] : 0
            let plain: [UInt8: UInt8] = [0x72: 13, 0x6E: 10, 0x74: 9, 0x66: 12]
            if joined[index] == 0x5C, let byte = plain[next] {
                output.append(byte)
                index += 2
            } else if joined[index] == 0x5C, next == 0x78, index + 3 < joined.count,
                let high = Bytes.hexValue(joined[index + 2]),
                let low = Bytes.hexValue(joined[index + 3])
            {
                // The runner writes the character, not the byte.
                output += String(UnicodeScalar(UInt8(high * 16 + low))).utf8
                index += 4
            } else {
                output.append(joined[index])
                index += 1
            }
        }
        return output
    }

    private mutating func read(log lines: [String]) {
        var parts: [String: [UInt8]] = [:]
        var message = SampleMessage(start: "", fields: [], body: "")
        let isResponse = mode.hasPrefix("response")
        for line in lines {
            if line.contains(" span["), let (name, bytes) = span(of: line) {
                parts[name, default: []] += bytes
            } else if line.hasSuffix("message begin") {
                message = SampleMessage(start: "", fields: [], body: "")
                parts = [:]
            } else if line.hasSuffix("header_value complete") {
                let name = String(decoding: parts["header_field"] ?? [], as: UTF8.self)
                // llhttp leaves blanks at the end of a value to its caller.
                var value = (parts["header_value"] ?? [])[...]
                while let last = value.last, Bytes.isBlank(last) { value.removeLast() }
                message.fields.append("\(name): \(value.text)")
                parts["header_field"] = nil
                parts["header_value"] = nil
            } else if let range = line.firstRange(of: "status=") {
                message.start = String(line[range.upperBound...].prefix(3))
            } else if line.hasSuffix("message complete") {
                if !isResponse {
                    message.start =
                        String(decoding: parts["method"] ?? [], as: UTF8.self) + " "
                        + String(decoding: parts["url"] ?? [], as: UTF8.self)
                }
                message.body = String(decoding: parts["body"] ?? [], as: UTF8.self)
                messages.append(message)
            } else if line.contains("error code=") {
                isRefused = true
            }
        }
    }

    /// The bytes a line such as `off=4 len=4 span[url]="/url"` names, taken from the input.
    private func span(of line: String) -> (String, ArraySlice<UInt8>)? {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count == 3, let start = Int(words[0].dropFirst(4)),
            let count = Int(words[1].dropFirst(4)), start + count <= input.count
        else { return nil }
        let name = words[2].dropFirst(5).prefix { $0 != "]" }
        return (String(name), input[start..<start + count])
    }
}
