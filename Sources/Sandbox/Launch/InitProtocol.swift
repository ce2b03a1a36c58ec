import Base

/// What gatehouse-init is given and what it says.
///
/// INVARIANT: `Sources/gatehouse-init/init.c` and `control.h` have the same layouts.
enum InitProtocol {
    /// The layers init checks with its own eyes; all of them, in every cage.
    static let required: UInt32 = 0b11_1111

    /// The launch block: limits, Landlock's rules, folder, executable, arguments, environment.
    ///
    /// `boundsData` adds RLIMIT_DATA, where no control group bounds the memory; `opensProxy` has PID 1
    /// open the way out, where gatehouse-stage makes no network for it.
    static func launchBlock(
        _ plan: CagePlan,
        landlock: LandlockRules?,
        boundsData: Bool,
        opensProxy: Bool
    ) -> [UInt8] {
        let resources = plan.limits.resources(boundsData: boundsData)
        var body: [UInt8] = []
        for (resource, value) in resources {
            body.append(littleEndian: resource)
            body.append(littleEndian: UInt32(0))
            body.append(littleEndian: value)
            body.append(littleEndian: value)
        }
        let paths = landlock?.paths ?? []
        let ports = landlock?.ports ?? []
        for path in paths { body.append(littleEndian: path.access) }
        for port in ports {
            body.append(littleEndian: port.access)
            body.append(littleEndian: UInt64(port.port))
        }
        let variables = plan.environment.map { "\($0.name)=\($0.value)" }
        let texts = [plan.workingFolder, plan.command.executable] + plan.command.arguments
        for text in texts + variables + paths.map(\.path) {
            body += text.utf8
            body.append(0)
        }
        var block = Array("GHINIT2\0".utf8)
        block.append(littleEndian: UInt32(clamping: headerByteCount + body.count))
        block.append(littleEndian: required)
        block.append(littleEndian: UInt32(clamping: resources.count))
        block.append(littleEndian: UInt32(clamping: plan.command.arguments.count))
        block.append(littleEndian: UInt32(clamping: variables.count))
        block.append(littleEndian: UInt32(opensProxy ? egressPort : 0))
        block.append(littleEndian: UInt32(clamping: paths.count))
        block.append(littleEndian: UInt32(clamping: ports.count))
        block.append(littleEndian: UInt32(landlock == nil ? 0 : 1))
        block.append(littleEndian: UInt32(0))
        block.append(littleEndian: landlock?.files.rawValue ?? 0)
        block.append(littleEndian: landlock?.network.rawValue ?? 0)
        block.append(littleEndian: landlock?.scopes.rawValue ?? 0)
        return block + body
    }

    /// Where a cage with a way out finds the gateway, on its own loopback.
    static let egressPort: UInt16 = 3128
    /// Where it asks for names.
    static let namePort: UInt16 = 53
    /// Sockets that are captured whatever the rules name.
    static let webPorts: Set<UInt16> = [80, 443]

    private static let headerByteCount = 72

    /// The ELF file of gatehouse-init, as the build embedded it.
    static let image: [UInt8] = Base64.decode(InitImage.base64) ?? []

    /// The ELF file of the victim that a proof runs.
    static let victimImage: [UInt8] = Base64.decode(InitImage.victimBase64) ?? []

    /// The ELF file of gatehouse-stage.
    static let stageImage: [UInt8] = Base64.decode(InitImage.stageBase64) ?? []
}

/// What init reports on the control socket.
package enum CageReport: Sendable, Equatable {
    /// The layers were seen and the program was executed.
    case started
    /// Nothing was executed.
    case failed(CageStartFailure)
    /// The server ended by itself or by a signal; the rest of its tree is being killed.
    case exited(CageExit)
    /// A socket of the way out listens inside; its descriptor comes along. Said before `started`.
    case listening(CageListener)
    /// The server was stopped by that signal, its own or another's; it goes on when it is continued.
    case stopped(Int32)

    package static let byteCount = 16
    /// What to write to the control socket so that init sends SIGTERM to the server.
    package static let terminateCommand: [UInt8] = [0x54]

    /// Nil for bytes no init of ours writes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        let all = Array(bytes)
        func word(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(all[index * 4 + $1]) << UInt32($1 * 8) }
        }
        let code = Int32(bitPattern: word(2))
        switch word(0) {
        case 1: self = .started
        case 2:
            guard let stage = CageStartFailure.Stage(rawValue: word(1)) else { return nil }
            self = .failed(CageStartFailure(stage: stage, code: code))
        case 3: self = .exited(CageExit(waitStatus: code))
        case 4:
            guard let listener = CageListener(rawValue: word(2)) else { return nil }
            self = .listening(listener)
        case 5:
            guard (1...64).contains(code) else { return nil }
            self = .stopped(code)
        default: return nil
        }
    }
}

/// What the gateway answers on a socket that listens inside of a cage.
package enum CageListener: UInt32, Sendable, Equatable {
    /// For programs that know of a proxy. The first one of a start.
    case proxy = 0
    /// For those that do not: whatever was connected to stands in the socket's own address.
    case captured = 1
    case nameStreams = 2
    case nameDatagrams = 3
}

/// How a process ended.
package enum CageExit: Sendable, Equatable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    package init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .code(waitStatus >> 8 & 0xff) : .signal(signal)
    }

    package var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let number): "signal \(number)"
        }
    }
}

/// Why init did not start the server.
package struct CageStartFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Stage: UInt32, Sendable {
        case initialisation = 1
        case launchBlock = 2
        case layers = 3
        case limits = 4
        case fork = 5
        case folder = 6
        case execute = 7
        case egress = 8
        case landlock = 9
    }

    package let stage: Stage
    /// An errno, or for `layers` the bits of those that were missing.
    package let code: Int32

    package init(stage: Stage, code: Int32) {
        self.stage = stage
        self.code = code
    }

    package var description: String {
        switch stage {
        case .initialisation: "PID 1 could not close itself off (errno \(code))"
        case .launchBlock: "PID 1 could not read what to start (errno \(code))"
        case .layers: "PID 1 found the cage open: \(missingLayers.joined(separator: ", "))"
        case .limits: "a resource limit could not be set (errno \(code)); ask for less"
        case .fork: "no process could be made (errno \(code)); raise the limit of processes"
        case .landlock: "PID 1 could not set Landlock's rules (errno \(code))"
        case .folder: "the working folder cannot be entered (errno \(code))"
        case .egress: "PID 1 could not open the way out on the cage's loopback (errno \(code))"
        case .execute where code == 2:
            "the program or its interpreter is not in the cage; name what it needs under `code`"
        case .execute where code == 13:
            "the program may not be executed by the server's user; check its mode and owner"
        case .execute: "the program could not be executed (errno \(code))"
        }
    }

    package var missingLayers: [String] {
        let names = [
            "PID namespace", "no-new-privs", "seccomp", "capabilities dropped", "not root",
            "not dumpable",
        ]
        return names.enumerated().filter { code & 1 << Int32($0.offset) != 0 }.map(\.element)
    }
}
