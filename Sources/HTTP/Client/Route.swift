package import Base
package import System

/// Where a client's connections lead; asked anew for each of them.
///
/// The address that was decided on is the address that is connected to: no second look-up can bring
/// another one between the check and the use.
package protocol Route: Sendable {
    /// The addresses to try, in this order, and no others.
    func addresses() async throws(HTTPClientError) -> [IPAddress]
    /// Looks at a connection that was made, before a byte goes over it.
    func check(peer: SocketAddress, local: SocketAddress) throws(HTTPClientError)
}
