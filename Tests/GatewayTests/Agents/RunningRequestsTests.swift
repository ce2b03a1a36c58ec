import Base
import JSON
import MCP
import Testing

@testable import Gateway

struct RunningRequestsTests {
    private final class Silent: ReplyChannel {
        func notify(_ message: [UInt8]) async {}
        func keepAlive() async {}
    }

    private static let start = Instant(nanoseconds: 0)

    private static func message() throws -> AuthenticatedMessage {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        let message = try Message(JSONDocument(parsing: Array(text.utf8)).root)
        return AuthenticatedMessage(
            principal: Principal(
                owner: try PrincipalName("ana"),
                token: "0",
                tenant: .main,
                environment: try EnvironmentName("test"),
                run: "0"
            ),
            endpoint: .all,
            revision: .newest,
            message: message,
            meta: RequestMeta(of: nil),
            session: nil,
            parameterHeader: nil
        )
    }

    @Test func `an id is in use until its request ended, in its scope alone`() throws {
        let inbound = try Self.message()
        let (one, other) = (Silent(), Silent())
        var running = RunningRequests()
        var begun: [RunningRequests.Running] = []
        func begin(_ scope: AnyObject, _ id: RequestID) -> Bool {
            let new = running.begin(
                RunningRequests.Key(scope: ObjectIdentifier(scope), id: id),
                inbound,
                one,
                CallCancellation(),
                at: Self.start
            )
            if let new { begun.append(new) }
            return new != nil
        }
        func end(_ scope: AnyObject, _ id: RequestID) {
            let key = RunningRequests.Key(scope: ObjectIdentifier(scope), id: id)
            if let place = begun.firstIndex(where: { $0.key == key }) {
                running.end(begun.remove(at: place))
            }
        }
        // More than there are chains, so that some stand in one.
        for number in 0..<3000 { #expect(begin(one, .integer(Int64(number)))) }
        #expect(!begin(one, .integer(7)))
        #expect(begin(other, .integer(7)))
        #expect(begin(one, .string("7")))
        #expect(!begin(one, .string("7")))
        for number in 0..<3000 where number % 3 != 0 { end(one, .integer(Int64(number))) }
        #expect(running.all.count == 1002)
        for number in 0..<3000 {
            let key = RunningRequests.Key(
                scope: ObjectIdentifier(one),
                id: .integer(Int64(number))
            )
            #expect((running.cancellation(of: key) != nil) == (number % 3 == 0))
        }
        end(one, .string("7"))
        #expect(begin(one, .string("7")))
    }

    @Test func `ids that an agent chose to fall together do not`() throws {
        let scope = Silent()
        let running = RunningRequests()
        func chains(_ ids: [RequestID]) -> Int {
            let scope = ObjectIdentifier(scope)
            return Set(ids.map { running.chain(of: RunningRequests.Key(scope: scope, id: $0)) })
                .count
        }
        // Of 512 in 1,024 chains, some 400 have one for themselves.
        let pairs = (0..<512).map { number in
            String((0..<9).map { number >> $0 & 1 == 0 ? "Aa" : "BB" }.joined())
        }
        #expect(chains(pairs.map { .string(JSONString($0)) }) > 256)
        #expect(chains((0..<512).map { .integer(Int64($0) << 48) }) > 128)
        #expect(chains((0..<512).map { .integer(Int64($0)) }) > 128)
    }

    @Test func `an agent is told once an interval that its request runs`() throws {
        let inbound = try Self.message()
        let channel = Silent()
        var running = RunningRequests()
        for number: Int64 in 0..<3 {
            _ = running.begin(
                RunningRequests.Key(scope: ObjectIdentifier(channel), id: .integer(number)),
                inbound,
                channel,
                CallCancellation(),
                at: Self.start.advanced(by: .seconds(number))
            )
        }
        func told(_ second: Int) -> Int {
            let now = Self.start.advanced(by: .seconds(second))
            return running.tellOfQuiet(for: .seconds(10), at: now).count
        }
        #expect(told(9) == 0)
        #expect(told(11) == 2)
        #expect(told(12) == 1)
        #expect(told(20) == 0)
        #expect(told(21) == 2)
    }
}
