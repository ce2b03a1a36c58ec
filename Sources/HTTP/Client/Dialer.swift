import Base
import Crypto
import System

/// Opens connections to one origin.
struct Dialer: Sendable {
    let origin: HTTPOrigin
    let loop: EventLoop
    let resolver: any Resolver
    let trust: TLSTrust
    let timeout: Duration
    let admits: @Sendable (IPAddress, UInt16) -> Bool

    /// Resolves once, decides on each address, connects to the first that answers.
    ///
    /// The address that was decided on is the address that is connected to: no second look-up can
    /// bring another one between the check and the use.
    func dial(
        until deadline: Instant,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> sending Stream {
        guard !origin.isSecure else { throw .notSent(.tls("no https in this build")) }
        let latest = min(deadline, loop.now.advanced(by: timeout))
        let addresses = try await admitted(until: latest)
        var last = HTTPClientError.notSent(.timedOut)
        for address in addresses {
            if cancellation?.isCancelled == true { throw .notSent(.cancelled) }
            guard loop.now < latest else { break }
            do throws(StreamError) {
                return try await Stream.connect(
                    to: .ip(address, port: origin.port),
                    on: loop,
                    until: latest
                )
            } catch {
                last = .notSent(error == .timedOut ? .timedOut : .connection(error))
            }
        }
        throw last
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
