import Base
import Egress
import HTTP
import System

extension EgressConnection {
    /// A program that knows of no proxy: what it meant to reach is the socket's own address, and its
    /// first bytes say the rest.
    func serveCaptured() async throws {
        guard case .ip(let address, let port) = try client.ends().local else {
            throw StreamError.closed
        }
        let destination = await owner.destination(address, port)
        switch try await firstByte(to: destination.target) {
        case 22:
            speaksTLS = true
            let greeting = try await greeting(to: destination.target)
            let target = try destination.target(greeting: greeting)
            try await counted(target) { try await self.tunnel(target) }
        case UInt8(ascii: "A")...UInt8(ascii: "Z"):
            let head = try await readHead()
            let path = head.target
            guard path.first == UInt8(ascii: "/"), !path.contains(UInt8(ascii: "#")),
                !head.fields.isRepeated(.host), let host = head.fields[.host]
            else {
                throw EgressRefusal.badRequest("a request is `METHOD /PATH` with one Host field")
            }
            let target = try destination.target(hostField: host)
            try await counted(target) { try await self.relay(head, target, Array(path)) }
        default: throw EgressRefusal.notTLS(destination.target)
        }
    }

    /// Which stays unread; who waits for the other side to speak first waits in vain.
    private func firstByte(to target: EgressTarget) async throws -> UInt8 {
        let deadline = loop.now.advanced(by: Limits.egressGreeting)
        while client.availableCount == 0 {
            do throws(StreamError) {
                guard try await client.fill(until: deadline) > 0 else { throw .closed }
            } catch {
                guard error == .timedOut else { throw error }
                throw EgressRefusal.notTLS(target)
            }
        }
        // At least one byte is there.
        return client.withBytes { bytes in unsafe bytes.unsafeLoad(as: UInt8.self) }
    }
}
