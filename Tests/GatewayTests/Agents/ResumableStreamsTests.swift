import Base
import Testing

@testable import Gateway

@Suite("Which streams may be come back to")
struct ResumableStreamsTests {
    private final class Stream: KeptStream {
        var ended: Instant?
        var keptByteCount = 0
    }

    private static let now = Instant(nanoseconds: 1_000_000_000_000)
    private let session = SessionID(text: "s")
    private let greedy = PrincipalKey(tenant: .main, token: "greedy")
    private let other = PrincipalKey(tenant: .main, token: "other")
    private var streams = ResumableStreams<Stream>()

    /// A stream of that credential that keeps so many bytes, where there is room for them.
    private mutating func open(
        _ owner: PrincipalKey,
        keeping count: Int = 0
    ) throws -> (UInt64, Stream) {
        let stream = Stream()
        let number = streams.open(stream, of: session, owner: owner)
        let taken = try #require(number)
        if streams.take(count, for: taken) { stream.keptByteCount = count }
        return (taken, stream)
    }

    private mutating func kept(_ owner: PrincipalKey, of count: Int) throws -> Int {
        try open(owner, keeping: count).1.keptByteCount
    }

    @Test mutating func `one credential's streams leave those of others alone`() throws {
        for _ in 0..<Limits.keptStreamsPerPrincipal { _ = try open(greedy) }
        let more = streams.open(Stream(), of: session, owner: greedy)
        #expect(more == nil)
        _ = try open(other)
    }

    @Test mutating func `one credential's bytes leave those of others alone`() throws {
        let count = Limits.keptEventByteCount
        for _ in 0..<(Limits.keptEventsByteCountPerPrincipal / count) {
            let bytes = try kept(greedy, of: count)
            #expect(bytes == count)
        }
        let none = try kept(greedy, of: 1)
        #expect(none == 0)
        let bytes = try kept(other, of: count)
        #expect(bytes == count)
    }

    @Test mutating func `room is made by the oldest of a credential's own that ended`() throws {
        let count = Limits.keptEventByteCount
        let theirs = try open(other, keeping: count)
        theirs.1.ended = Self.now
        var own: [(UInt64, Stream)] = []
        for _ in 0..<(Limits.keptEventsByteCountPerPrincipal / count) {
            own.append(try open(greedy, keeping: count))
        }
        own[1].1.ended = Self.now
        own[2].1.ended = Self.now
        let one = try kept(greedy, of: 1)
        #expect(one == 1)
        let left = ([theirs] + own).map { streams.find($0.0, of: session) != nil }
        #expect(left == [true, true, false, true, true])
    }

    @Test mutating func `what is given back and forgotten is room again`() throws {
        let count = Limits.keptEventByteCount
        for _ in 0..<(3 * Limits.keptEventsByteCount / count) {
            let (number, stream) = try open(greedy, keeping: count)
            #expect(stream.keptByteCount == count)
            streams.forget(number)
        }
        let (number, stream) = try open(greedy, keeping: count)
        streams.giveBack(count, of: number)
        stream.keptByteCount = 0
        for _ in 0..<(Limits.keptEventsByteCountPerPrincipal / count) {
            let bytes = try kept(greedy, of: count)
            #expect(bytes == count)
        }
    }

    @Test mutating func `streams go some time after their end, and with their session`() throws {
        let (old, ended) = try open(greedy)
        let (new, running) = try open(greedy)
        ended.ended = Self.now
        running.ended = Self.now.advanced(by: .seconds(1))
        streams.sweep(at: Self.now.advanced(by: Limits.keptStreamTime)) { _ in true }
        #expect(streams.find(old, of: session) == nil)
        #expect(streams.find(new, of: session) != nil)
        #expect(streams.find(new, of: SessionID(text: "t")) == nil)
        streams.sweep(at: Self.now) { _ in false }
        #expect(streams.find(new, of: session) == nil)
    }
}
