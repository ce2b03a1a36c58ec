import Base
import Crypto
import System

/// Opens connections to one origin.
struct Dialer: Sendable {
    let origin: HTTPOrigin
    let loop: EventLoop
    let route: any Route
    let tls: TLSContext?
    let timeout: Duration

    /// Connects to the first address of the route that answers.
    func dial(
        until deadline: Instant,
        _ cancellation: Cancellation?,
        offersHTTP2: Bool = false
    ) async throws(HTTPClientError) -> sending Transport {
        guard !origin.isSecure || tls != nil else {
            throw .notSent(.tls("https needs certificates to believe, and none were given"))
        }
        let latest = min(deadline, loop.now.advanced(by: timeout))
        let addresses = try await reachable()
        var last = HTTPClientError.notSent(.timedOut)
        for address in addresses {
            if cancellation?.isCancelled == true { throw .notSent(.cancelled) }
            guard loop.now < latest else { break }
            do throws(HTTPClientError) {
                return try await connect(to: address, until: latest, offersHTTP2: offersHTTP2)
            } catch { last = error }
        }
        throw last
    }

    private func connect(
        to address: IPAddress,
        until deadline: Instant,
        offersHTTP2: Bool
    ) async throws(HTTPClientError) -> sending Transport {
        let transport: Transport
        do throws(StreamError) {
            let target = SocketAddress.ip(address, port: origin.port)
            transport = Transport(try await Stream.connect(to: target, on: loop, until: deadline))
        } catch {
            throw .notSent(error == .timedOut ? .timedOut : .connection(error))
        }
        do throws(HTTPClientError) {
            guard let ends = try? transport.stream.ends() else {
                throw .notSent(.connection(.closed))
            }
            try route.check(peer: ends.peer, local: ends.local)
        } catch {
            transport.stream.close()
            throw error
        }
        guard origin.isSecure, let tls else { return transport }
        do {
            let session = try TLSSession(
                connectingTo: origin.host,
                isAddress: origin.address != nil,
                tls,
                offersHTTP2: offersHTTP2
            )
            try await transport.secure(session, until: deadline)
            return transport
        } catch {
            transport.stream.close()
            if let error = error as? TLSError { throw .notSent(.tls(error.description)) }
            let error = error as? StreamError ?? .closed
            throw .notSent(error == .timedOut ? .timedOut : .connection(error))
        }
    }

    private func reachable() async throws(HTTPClientError) -> [IPAddress] {
        let found = try await route.addresses()
        guard origin.isSecure || found.allSatisfy(\.isLoopback) else {
            throw .notSent(
                .addressRefused("`\(origin)`: http is for loopback addresses only, use https")
            )
        }
        guard !found.isEmpty, !found.contains(where: \.isUnspecified) else {
            throw .notSent(.addressRefused("`\(origin)`: no address of it may be connected to"))
        }
        return found
    }
}
