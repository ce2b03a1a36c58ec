import Egress
import Sandbox

extension CageProfile {
    /// What a server's cage is to be, from its settings.
    init(
        _ stdio: Configuration.Server.Stdio,
        folder: String,
        secrets: [String: [UInt8]],
        protectedPaths: [String]
    ) {
        self.init(command: stdio.command, baseFolder: folder)
        for entry in stdio.cage.read { read[entry.inside] = Paths.join(folder, entry.outside) }
        for entry in stdio.cage.write { write[entry.inside] = Paths.join(folder, entry.outside) }
        workingFolder = stdio.workingFolder
        if stdio.cage.isNone, let wanted = stdio.workingFolder {
            workingFolder = Paths.join(folder, wanted)
        }
        code = stdio.cage.code
        network =
            switch stdio.cage.network {
            case .none: .none
            case .host: .host
            case .egress: .egress
            }
        for (name, value) in stdio.environment {
            switch value {
            case .plain(let text): environment[name] = text
            // What stands for it is made for each start anew.
            case .secret: break
            case .exposed(let secret):
                environment[name] = String(decoding: secrets[secret] ?? [], as: UTF8.self)
            }
        }
        if let egress = stdio.cage.egress {
            environment.merge(Self.egressVariables) { $1 }
            egressPorts = Set(egress.rules.map(\.port))
        }
        limits = stdio.cage.limits
        seccomp = stdio.cage.seccomp
        self.protectedPaths = protectedPaths
    }
}
