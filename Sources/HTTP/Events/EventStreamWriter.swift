/// Writes events so that every reader of the WHATWG standard gets the same bytes back.
package enum EventStreamWriter {
    /// Appends one event.
    ///
    /// Line ends inside `data` split it into several `data` lines, which a
    /// reader joins with LF; line ends and NUL in `type` and `id` would change the event, and are
    /// left out with the field they stand in.
    package static func append(_ event: ServerSentEvent, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + event.data.count + 64)
        if let type = event.type, isOneLine(type) { append(field: "event: ", type, to: &output) }
        if let id = event.id, isOneLine(id) { append(field: "id: ", id, to: &output) }
        append(data: event.data, to: &output)
        output.append(Bytes.lineFeed)
    }

    /// Appends a comment, which readers skip: what keeps a quiet stream alive.
    package static func appendComment(to output: inout [UInt8]) { output.append(":\n\n") }

    /// Appends how long a client shall wait before it connects again.
    package static func append(retryDelay: Duration, to output: inout [UInt8]) {
        let (seconds, attoseconds) = retryDelay.components
        let milliseconds =
            min(max(0, seconds), 1 << 32) * 1000 + attoseconds / 1_000_000_000_000_000
        output.append("retry: ")
        output.append(decimal: Int(max(0, milliseconds)))
        output.append("\n\n")
    }

    private static func append(
        field: StaticString,
        _ value: some Sequence<UInt8>,
        to output: inout [UInt8]
    ) {
        output.append(field)
        output.append(contentsOf: value)
        output.append(Bytes.lineFeed)
    }

    private static func append(data: [UInt8], to output: inout [UInt8]) {
        var start = 0
        while true {
            let end = lineEnd(in: data, from: start)
            append(field: "data: ", data[start..<end], to: &output)
            guard end < data.count else { return }
            let isPair =
                data[end] == Bytes.carriageReturn && end + 1 < data.count
                && data[end + 1] == Bytes.lineFeed
            start = end + (isPair ? 2 : 1)
        }
    }

    private static func lineEnd(in data: [UInt8], from start: Int) -> Int {
        let span = data.span
        var index = start
        while true {
            index = Bytes.firstControl(in: span, from: index, to: span.count)
            guard index < span.count, span[index] != Bytes.lineFeed,
                span[index] != Bytes.carriageReturn
            else { return index }
            index += 1
        }
    }

    private static func isOneLine(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 != Bytes.lineFeed && $0 != Bytes.carriageReturn && $0 != 0 }
    }
}
