import HTTP

/// An event stream: in pieces as whole, as a second reader of a few lines has it, and written again.
enum EventsFuzz {
    private static let limit = 4096

    private struct Reading: Equatable {
        var events: [ServerSentEvent] = []
        var isRefused = false
        var lastID: [UInt8]?
    }

    static func check(_ bytes: [UInt8]) {
        let whole = read(bytes, ends: [bytes.count])
        var derived = Derived(from: bytes)
        expect(
            whole == read(bytes, ends: derived.ends(of: bytes.count)),
            "a stream in pieces reads like the whole"
        )
        expect(whole.events.allSatisfy { $0.data.count <= limit }, "events stay below the limit")
        if !whole.isRefused {
            expect(whole.events == naive(bytes), "a reader that splits lines reads the same events")
        }
        // A NUL in a type cannot be written; the field is left out then.
        guard whole.events.allSatisfy({ $0.type?.contains(0) != true }) else { return }
        var written: [UInt8] = []
        for event in whole.events {
            EventStreamWriter.append(event, to: &written)
            EventStreamWriter.appendComment(to: &written)
        }
        let again = read(written, ends: [written.count])
        expect(again.events == whole.events, "events written again are the same")
    }

    private static func read(_ bytes: [UInt8], ends: [Int]) -> Reading {
        var parser = EventStreamParser(eventByteCount: limit)
        var reading = Reading()
        var index = 0
        for end in ends {
            do throws(EventStreamError) {
                let part = bytes.span.extracting(0..<end)
                while let event = try parser.next(in: part, from: &index) {
                    reading.events.append(event)
                }
            } catch {
                reading.isRefused = true
                break
            }
            expect(parser.bufferedByteCount <= limit + 8, "what is held stays below the limit")
        }
        reading.lastID = parser.lastEventID
        return reading
    }

    /// WHATWG HTML section 9.2.6, word for word, over the whole stream.
    private static func naive(_ bytes: [UInt8]) -> [ServerSentEvent] {
        var rest = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
        var events: [ServerSentEvent] = []
        var (data, type, id): ([[UInt8]], [UInt8], [UInt8]?) = ([], [], nil)
        while let end = rest.firstIndex(where: { $0 == 10 || $0 == 13 }) {
            let line = rest[..<end]
            let isPair = rest[end] == 13 && end + 1 < rest.endIndex && rest[end + 1] == 10
            rest = rest[(end + (isPair ? 2 : 1))...]
            if line.isEmpty {
                if !data.isEmpty {
                    let joined = Array(data.joined(separator: [10]))
                    events.append(
                        ServerSentEvent(data: joined, type: type.isEmpty ? nil : type, id: id)
                    )
                }
                (data, type) = ([], [])
                continue
            }
            let colon = line.firstIndex(of: 0x3a) ?? line.endIndex
            var value = line[colon...].dropFirst()
            if value.first == 0x20 { value = value.dropFirst() }
            switch text(line[..<colon]) {
            case "data": data.append(Array(value))
            case "event": type = Array(value)
            case "id" where !value.contains(0): id = Array(value)
            default: break
            }
        }
        return events
    }
}
