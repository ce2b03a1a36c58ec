import Base
import Crypto
import System

/// Opens connections to one origin.
struct Dialer: Sendable {
    let origin: HTTPOrigin
    let loop: EventLoop
    let resolver: any Resolver
    let tls: TLSContext?
    let timeout: Duration
    let admits: @Sendable (IPAddress, UInt16) -> Bool

    /// Resolves once, decides on each address, connects to the first that answers.
    ///
    /// The address that was decided on is the address that is connected to: no second look-up can
    /// bring another one between the check and the use.
    func dial(
        until deadline: Instant,
        _ cancellation: Cancellation?,
        offersHTTP2: Bool = false
    ) async throws(HTTPClientError) -> sending Transport {
        guard !origin.isSecure || tls != nil else {
            throw .notSent(.tls("https needs certificates to believe, and none were given"))
        }
        let latest = min(deadline, loop.now.advanced(by: timeout))
        let addresses = try await admitted(until: latest)
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

    private func admitted(until deadline: Instant) async throws(HTTPClientError) -> [IPAddress] {
        let found: [IPAddress]
        if let address = origin.address {
            found = [address]
        } else {
            do throws(ResolveError) {
                found = try await resolver.resolve(origin.host)
            } catch { throw .notSent(.resolution(error)) }
        }
        let reachable = origin.isSecure ? found : found.filter(\.isLoopback)
        guard !reachable.isEmpty else {
            throw .notSent(
                .addressRefused("`\(origin)`: http is for loopback addresses only, use https")
            )
        }
        let allowed = reachable.filter { !$0.isUnspecified && admits($0, origin.port) }
        guard !allowed.isEmpty else {
            throw .notSent(.addressRefused("`\(origin)`: no address of it may be connected to"))
        }
        return allowed
    }
}
