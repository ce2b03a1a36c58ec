import Testing
import TestKit

@testable import HTTP

/// llhttp's own tests, each read by our parser too.
///
/// `Tests/Golden/http/llhttp-deviations.txt` names every case where we differ from llhttp in its
/// default mode, and why; a case that is not named must be read alike, and a name that no longer
/// differs is an error.
@Suite(.enabled(if: Corpus.has("llhttp"), "corpus llhttp is not here"))
struct LLHTTPTests {
    static let requestFiles = [
        "connection", "content-length", "finish", "invalid", "lenient-header-value-relaxed",
        "lenient-headers", "lenient-version", "method", "pausing", "pipelining", "sample",
        "transfer-encoding", "uri",
    ].map { "request/\($0).md" }
    static let responseFiles = [
        "connection", "content-length", "finish", "invalid", "lenient-version", "pausing",
        "pipelining", "sample", "transfer-encoding",
    ].map { "response/\($0).md" }

    @Test(arguments: requestFiles + responseFiles)
    func `is read as llhttp reads it, or the difference is written down`(file: String) {
        let cases = LLHTTPCase.all(in: file)
        #expect(!cases.isEmpty)
        let known = Self.deviations()
        for sample in cases {
            let difference = Self.difference(in: sample)
            #expect(difference == known[sample.id]?.outcome, "\(sample.id)")
        }
        let ids = Set(cases.map(\.id))
        for id in known.keys where id.hasPrefix(file + ":") {
            #expect(ids.contains(id), "names no case: \(id)")
        }
    }

    @Test(arguments: requestFiles + responseFiles)
    func `is read alike in whatever pieces it arrives`(file: String) {
        for sample in LLHTTPCase.all(in: file) {
            let input = Self.withHost(sample)
            let isResponse = sample.mode.hasPrefix("response")
            let whole = SampleReader.read(input, readsResponses: isResponse)
            for piece in 1...7 {
                let cut = SampleReader.read(input, piece: piece, readsResponses: isResponse)
                #expect(cut.messages == whole.messages, "\(sample.id), pieces of \(piece)")
                #expect(cut.error == whole.error, "\(sample.id), pieces of \(piece)")
            }
        }
    }

    /// Nil when both read the same; else what ours does.
    static func difference(in sample: LLHTTPCase) -> String? {
        var ours = SampleReader.read(
            withHost(sample),
            readsResponses: sample.mode.hasPrefix("response")
        )
        func agrees() -> Bool {
            let messages = ours.messages.map { message in
                var message = message
                message.fields.removeAll { $0 == "Host: added" }
                return message
            }
            return messages == sample.messages && (ours.error != nil) == sample.isRefused
        }
        if agrees() { return nil }
        // llhttp's log ends with the input; a body that the connection ends may be in it or not.
        if ours.error == nil { ours.finish() }
        if agrees() { return nil }
        if let error = ours.error { return "refused as \(error) after \(ours.messages.count)" }
        return "reads \(ours.messages.count)"
    }

    /// Many of the requests have no Host, which we always ask for: one is added.
    static func withHost(_ sample: LLHTTPCase) -> [UInt8] {
        guard sample.mode.hasPrefix("request") else { return sample.input }
        let reader = SampleReader.read(sample.input)
        guard reader.error == .missingHost else { return sample.input }
        var lines: [UInt8] = []
        var index = 0
        // After each first line of a request; pipelined ones may all lack it.
        let input = sample.input
        while index < input.count {
            lines.append(input[index])
            let isVersionEnd = lines.suffix(10).elementsEqual(" HTTP/1.1\r\n".utf8.dropFirst())
            if isVersionEnd, !Self.hasHost(input[(index + 1)...]) {
                lines += "Host: added\r\n".utf8
            }
            index += 1
        }
        return lines
    }

    private static func hasHost(_ rest: ArraySlice<UInt8>) -> Bool {
        let head = rest.text.components(before: "\r\n\r\n").lowercased()
        return head.hasPrefix("host:") || head.contains("\r\nhost:")
    }

    private static func deviations() -> [String: (outcome: String, reason: String)] {
        let path = Corpus.packageRoot + "/Tests/Golden/http/llhttp-deviations.txt"
        let text = String(decoding: Corpus.bytes(path) ?? [], as: UTF8.self)
        var rows: [String: (outcome: String, reason: String)] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let cells = line.split(separator: "|").map { cell in
                String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            if cells.count == 3 { rows[cells[0]] = (cells[1], cells[2]) }
        }
        return rows
    }
}

extension String {
    fileprivate func components(before end: String) -> String {
        firstRange(of: end).map { String(self[..<$0.lowerBound]) } ?? self
    }
}
