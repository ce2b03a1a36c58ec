package import Base
import CLinux

/// One message of a unix socket, with what came along.
package struct PassedMessage: ~Copyable, Sendable {
    package let bytes: [UInt8]
    /// The only descriptor a message may bring; nil when it brought none.
    package var descriptor: Descriptor?
}

extension Stream {
    /// Waits for one message of a unix socket that keeps messages, and takes over the descriptor
    /// that came with it; no bytes when the other end is closed.
    ///
    /// `fill` would drop the descriptor: a socket is read with one or the other.
    package func message(
        byteLimit: Int,
        until deadline: Instant? = nil
    ) async throws(StreamError) -> PassedMessage {
        while true {
            if let failure { throw failure }
            do throws(SystemError) {
                let (bytes, numbers) = try Descriptor.receive(
                    byteLimit: byteLimit,
                    limit: 1,
                    over: number
                )
                return PassedMessage(
                    bytes: bytes,
                    descriptor: numbers.first.map { Descriptor(adopting: $0) }
                )
            } catch {
                guard error.code == Errno.again else { throw .failed(error) }
            }
            isReadable = false
            try await readable(until: deadline)
        }
    }
}

extension Stream {
    /// Both ends of a connected socket, as the kernel names them.
    package func ends() throws(SystemError) -> (local: SocketAddress, peer: SocketAddress) {
        var (local, peer) = (cgate_address(), cgate_address())
        _ = try checked("getsockname", unsafe cgate_local_address(number, &local))
        _ = try checked("getpeername", unsafe cgate_remote_address(number, &peer))
        return (SocketAddress(local), SocketAddress(peer))
    }
}
