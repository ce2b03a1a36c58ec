package import Base
import CLinux

extension Stream {
    /// Connects to an address without looking anything up; call it on the loop.
    ///
    /// Throws `.timedOut` at the deadline and `.failed` with the kernel's reason otherwise.
    package static func connect(
        to address: SocketAddress,
        on loop: EventLoop,
        until deadline: Instant
    ) async throws(StreamError) -> Stream {
        let (stream, isPending) = try begin(address, on: loop)
        guard isPending else { return stream }
        stream.isWritable = false
        stream.isReadable = false
        do throws(StreamError) {
            try await stream.writable(until: deadline)
        } catch {
            stream.close()
            throw error
        }
        let status = cgate_socket_error(stream.number)
        guard status == 0 else {
            stream.close()
            throw .failed(
                SystemError(call: "connect", code: -status, subject: address.description)
            )
        }
        return stream
    }

    private static func begin(
        _ address: SocketAddress,
        on loop: EventLoop
    ) throws(StreamError) -> (Stream, isPending: Bool) {
        do throws(SystemError) {
            var isPending: CInt = 0
            let number: CInt
            switch address {
            case .ip(let ip, let port):
                var encoded = ip.encoded(port: port)
                number = unsafe cgate_connect_ip(&encoded, &isPending)
            case .unix(let path):
                try refuseNUL(path, call: "connect")
                number = unsafe cgate_connect_unix(path, &isPending)
            }
            let subject = number < 0 ? address.description : nil
            let descriptor = Descriptor(
                adopting: try checked("connect", number, subject: subject)
            )
            let stream = try Stream(adopting: descriptor, peer: address, on: loop)
            return (stream, isPending != 0)
        } catch {
            throw .failed(error)
        }
    }
}
