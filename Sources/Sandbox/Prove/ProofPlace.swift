import Base
private import Glibc

/// What a proof looks for: things of this machine, some of them put there for it and taken away after.
package struct ProofPlace: Sendable {
    /// The state folder and every other path no cage may show.
    let state: String
    let protectedPaths: [String]
    let gatewayProcess: Int32
    let readOnlyFolders: [String]
    let insidePlaces: [String]
    /// The same with the places of the program itself.
    let shownPlaces: [String]
    /// Folder inside, and a name in it that is hidden.
    let hidden: [(String, String)]
    let homeNames: [String]
    let interfaces: [String]
    let canaryName: String
    let canaryFiles: [String]
    let port: UInt16
    let datagramPort: UInt16
    let abstractName: String
    let abstractLayer: CageLayer
    /// Whether its way out captures connections, and so has a resolver.
    let isCaptured: Bool

    /// A loopback address in the kernel's bytes (`struct sockaddr_in`).
    static func address(port: UInt16) -> [UInt8] {
        [2, 0, UInt8(port >> 8), UInt8(port & 0xff), 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
    }

    /// A limit in the kernel's bytes (`struct rlimit64`), soft and hard.
    static func limit(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: value)
        bytes.append(littleEndian: value)
        return bytes
    }
}

/// Services and files of the host that a cage must not reach, there while this lives.
final class ProofCanaries {
    let name: String
    let files: [String]
    let port: UInt16
    let datagramPort: UInt16
    private var sockets: [CInt] = []

    init(number: UInt64) throws(CageError) {
        name = "gatehouse-canary-\(getpid())-\(number)"
        var made: [String] = []
        for folder in ["/tmp", "/var/tmp"] {
            let path = folder + "/" + name
            let file = unsafe open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o644)
            guard file >= 0 else { continue }
            close(file)
            made.append(path)
        }
        files = made
        var ports: [UInt16] = []
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            let number = socket(AF_INET, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    guard unsafe bind(number, generic, length) == 0 else { return CInt(-1) }
                    return unsafe getsockname(number, generic, &length)
                }
            }
            sockets.append(number)
            guard number >= 0, status == 0, kind == SOCK_DGRAM || listen(number, 4) == 0 else {
                throw .launchFailed("a socket to be looked for could not be made (errno \(errno))")
            }
            ports.append(UInt16(bigEndian: address.sin_port))
        }
        (port, datagramPort) = (ports[0], ports[1])
        let abstract = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        sockets.append(abstract)
        let bytes: [UInt8] = [1, 0, 0] + Array(name.utf8)
        let status = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return CInt(-1) }
            let generic = unsafe base.assumingMemoryBound(to: sockaddr.self)
            return unsafe bind(abstract, generic, socklen_t(buffer.count))
        }
        guard abstract >= 0, status == 0, listen(abstract, 4) == 0 else {
            throw .launchFailed("a socket to be looked for could not be made (errno \(errno))")
        }
    }

    deinit {
        for number in sockets where number >= 0 { close(number) }
        for file in files { unsafe unlink(file) }
    }
}

extension ProofPlace {
    /// Looks at this machine for what is worth looking for from inside `plan`.
    init(
        _ plan: CagePlan,
        _ tools: CageTools,
        state: String,
        protectedPaths: [String],
        canaries: ProofCanaries
    ) {
        self.state = state
        self.protectedPaths = protectedPaths
        gatewayProcess = getpid()
        readOnlyFolders = plan.sources.filter { !$0.isWritable }.map(\.inside)
            .filter { HostPath.isFolder($0) || !$0.contains(".") }
        insidePlaces = plan.sources.map(\.inside)
        shownPlaces = insidePlaces + plan.program.map(\.inside)
        hidden = []
        homeNames = HostPath.names(in: "/home").filter { $0 != "mcp" }
        interfaces = HostPath.names(in: "/sys/class/net").filter { $0 != "lo" }
        canaryName = canaries.name
        canaryFiles = canaries.files
        port = canaries.port
        datagramPort = canaries.datagramPort
        abstractName = canaries.name
        abstractLayer = plan.network == .host ? .seccomp : .landlock
        isCaptured = !plan.capturedPorts(tools).isEmpty
    }
}
