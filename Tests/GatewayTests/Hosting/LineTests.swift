import Base
import Gateway
import Testing

@Suite struct LineTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `the same lines come out wherever the bytes are cut`() throws {
        let input = bytes("{\"a\":1}\n\r\n\n{\"b\":2}\r\n[3]\nrest")
        let expected = ["{\"a\":1}", "{\"b\":2}", "[3]"].map(bytes)
        for cut in 0...input.count {
            var splitter = LineSplitter(limit: 64)
            var lines = try splitter.append(Array(input[..<cut]))
            lines += try splitter.append(Array(input[cut...]))
            #expect(lines == expected, "cut at \(cut)")
            #expect(splitter.finish() == bytes("rest"))
        }
    }

    @Test func `a line at the limit passes, one byte more fails, in one piece or in two`() throws {
        for cut in [0, 3, 8] {
            var exact = LineSplitter(limit: 8)
            _ = try exact.append(Array(bytes("12345678\n")[..<cut]))
            #expect(try exact.append(Array(bytes("12345678\n")[cut...])) == [bytes("12345678")])
            var over = LineSplitter(limit: 8)
            #expect(throws: LineSplitter.Failure.lineTooLong(limit: 8)) {
                _ = try over.append(Array(bytes("123456789\n")[..<cut]))
                _ = try over.append(Array(bytes("123456789\n")[cut...]))
            }
        }
        // Without a newline as well, or a server could fill the memory.
        var endless = LineSplitter(limit: 8)
        #expect(throws: LineSplitter.Failure.self) { _ = try endless.append(bytes("123456789")) }
    }

    @Test func `only what may be a message is one`() {
        #expect(NoiseCounter.mayBeMessage(bytes("{}")))
        #expect(NoiseCounter.mayBeMessage(bytes(" \t[1]")))
        for noise in ["hello", "2026-01-01 INFO {}", "\"text\"", "  ", "\u{feff}{}"] {
            #expect(!NoiseCounter.mayBeMessage(bytes(noise)))
        }
        var counter = NoiseCounter(lineLimit: 2)
        #expect([counter.note(), counter.note(), counter.note()] == [false, false, true])
    }

    @Test func `error lines are cut at their limit and what was dropped is said`() {
        var lines = ErrorLines(lineLimit: 4, byteCount: 100, per: .seconds(60))
        let now = Instant(nanoseconds: 1)
        #expect(lines.append(bytes("1234\n"), at: now) == [.line(bytes("1234"), isCut: false)])
        #expect(
            lines.append(bytes("123456\n"), at: now)
                == [.dropped(2), .line(bytes("1234"), isCut: true)]
        )
        #expect(lines.append(bytes("en"), at: now) == [])
        #expect(lines.finish(at: now) == [.line(bytes("en"), isCut: false)])
    }

    @Test func `over the rate everything is read and nothing kept until the next window`() {
        var lines = ErrorLines(lineLimit: 10, byteCount: 10, per: .seconds(60))
        let now = Instant(nanoseconds: 1)
        #expect(lines.append(bytes("12345678\n"), at: now).count == 1)
        #expect(lines.append(bytes("123\n123\n"), at: now) == [])
        let later = now.advanced(by: .seconds(60))
        #expect(
            lines.append(bytes("x\n"), at: later)
                == [.dropped(6), .line(bytes("x"), isCut: false)]
        )
    }
}
