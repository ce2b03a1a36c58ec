package import Base
private import Crypto
import JSON
import Policy
import Sandbox
import Screening
import System

/// Looks at a configuration on the machine it is for: files others may change, programs and folders
/// that are not there, secrets that cannot be read.
///
/// Starts nothing and changes nothing. It blocks.
struct MachineReview {
    private let configuration: Configuration
    private let folder: String
    private let state: StateFolder?
    private let user: UInt32
    private let environment: (String) -> String?
    private(set) var remarks: [Remark] = []

    init(
        _ configuration: Configuration,
        state: StateFolder?,
        user: UInt32,
        environment: @escaping (String) -> String?
    ) {
        self.configuration = configuration
        folder = Files.split(configuration.file).folder
        self.state = state
        self.user = user
        self.environment = environment
        lookAtFiles()
        for (name, source) in configuration.secrets.sorted(by: { $0.key < $1.key }) {
            look(at: source, name)
        }
        for server in configuration.allServers { look(at: server) }
        lookAtCheckpoints()
    }

    private mutating func remark(_ place: [String], _ text: String, _ hint: String? = nil) {
        remarks.append(configuration.remark(at: place, text, hint: hint))
    }

    // MARK: Files

    /// Whoever can write the configuration, its lock or their folder sets the policy.
    private mutating func lookAtFiles() {
        let lock = ConfigurationFiles.lockPath(of: configuration.file)
        for path in [configuration.file, lock, folder.isEmpty ? "." : folder] {
            guard let facts = try? FileFacts(path) else { continue }
            let isSticky = facts.kind == .folder && facts.mode & 0o1000 != 0
            if facts.kind != .link, facts.mode & 0o022 != 0, !isSticky {
                file(
                    path,
                    "others may write it (mode \(Self.octal(facts.mode))), and so set the policy",
                    "chmod go-w \(path)"
                )
            }
            if facts.userID != user, facts.userID != 0 {
                file(
                    path,
                    "it belongs to user \(facts.userID), who can set the policy",
                    "chown it to the gateway's own user"
                )
            }
        }
        let holdsSecrets = configuration.secrets.values.contains { source in
            if case .literal = source { true } else { false }
        }
        if holdsSecrets, let facts = try? FileFacts(configuration.file), facts.mode & 0o044 != 0 {
            file(
                configuration.file,
                "others may read the secrets in it (mode \(Self.octal(facts.mode)))",
                "chmod 600 \(configuration.file)"
            )
        }
        if let state, let facts = try? FileFacts(state.path), !facts.isPrivate {
            file(
                state.path,
                "others may enter the state folder (mode \(Self.octal(facts.mode))); "
                    + "the gateway will not start",
                "chmod 700 \(state.path)"
            )
        }
    }

    private mutating func file(_ path: String, _ text: String, _ hint: String) {
        remarks.append(Remark(file: path, position: nil, text: text, hint: hint))
    }

    private static func octal(_ mode: UInt32) -> String { "0" + String(mode & 0o777, radix: 8) }

    // MARK: Secrets

    private mutating func look(at source: Configuration.SecretSource, _ name: String) {
        switch source {
        case .literal: return
        case .environment(let variable):
            guard let text = environment(variable) else {
                return remark(
                    ["secrets", name],
                    "the variable `\(printable(variable))` is not set here",
                    "it must be set where `gatehouse up` runs, or the gateway does not start"
                )
            }
            look(atValue: Array(text.utf8), name)
        case .file(let path):
            do throws(SecretProblem) {
                look(atValue: try SecretFile.read(Paths.join(folder, path)), name)
            } catch {
                remark(
                    ["secrets", name],
                    "secret `\(printable(name))` cannot be read: \(error.text)",
                    "the gateway does not start without it"
                )
            }
        // Only the running gateway asks them: `gatehouse secrets test NAME`.
        case .stored, .vault: return
        case .command(let command):
            guard let program = command.first, !Files.exists(program) else { return }
            remark(
                ["secrets", name],
                "the program `\(printable(program))` is not there",
                "the gateway does not start without it"
            )
        }
    }

    private mutating func look(atValue value: [UInt8], _ name: String) {
        guard KnownSecret(name: name, value: value) == nil else { return }
        remark(
            ["secrets", name],
            "secret `\(printable(name))` has fewer than \(KnownSecret.leastByteCount) bytes: "
                + "it is not looked for in what servers say",
            "use a longer one"
        )
    }

    // MARK: Servers

    private mutating func look(at server: Configuration.Server) {
        let place = configuration.place(of: server)
        switch server.kind {
        case .http(let http):
            guard let path = http.certificateAuthority else { return }
            look(atAuthorities: path, place + ["ca"])
        case .stdio(let stdio):
            for path in Set(stdio.cage.egress?.authorities.values.map(\.self) ?? []).sorted() {
                look(atAuthorities: path, place + ["cage", "network", "allow"])
            }
            for (index, use) in stdio.uses.enumerated() {
                guard let path = use.certificateAuthority else { continue }
                look(atAuthorities: path, place + ["secrets", String(index), "ca"])
            }
            do {
                try plan(stdio)
            } catch CageError.notReachable where user == 0 {
                // As root each server has a uid of its own, which only its first start chooses.
            } catch {
                remark(
                    place + [Self.key(of: error)],
                    "server `\(server.name)` cannot start: \(error)"
                )
            }
        }
    }

    private mutating func look(atAuthorities path: String, _ place: [String]) {
        do throws(TLSError) {
            _ = try TLSContext(client: .authorities(file: Paths.join(folder, path)))
        } catch {
            remark(
                place,
                "`\(printable(path))` holds no authorities: \(error)",
                "name a file of certificates in PEM form"
            )
        }
    }

    private func plan(_ stdio: Configuration.Server.Stdio) throws {
        var profile = CageProfile(
            stdio,
            folder: folder,
            secrets: [:],
            protectedPaths: configuration.protectedPaths(folder: folder, state: state?.path)
        )
        if user == 0 { profile.identity = .own(uid: 65_534, gid: 65_534) }
        if stdio.cage.isNone {
            _ = try profile.uncagedRequest(isRoot: user == 0)
        } else {
            _ = try CagePlan(profile, isRoot: user == 0)
        }
    }

    /// The key of a server that an error speaks about.
    private static func key(of error: any Error) -> String {
        guard let error = error as? CageError else { return "command" }
        return switch error {
        case .sourceMissing, .notAFolder, .insideNotUsable, .foldersOverlap, .codeIsWritable,
            .protected, .linkInTheWay, .notReachable, .layersMissing:
            "cage"
        default: "command"
        }
    }

    private mutating func lookAtCheckpoints() {
        for file in configuration.audit.checkpointFiles {
            let parent = Files.split(Paths.join(folder, file)).folder
            guard !Files.exists(parent) else { continue }
            remark(
                ["audit", "checkpoints"],
                "the folder `\(printable(parent))` does not exist",
                "make it; checkpoints are appended to a file there"
            )
        }
    }
}

extension PolicySet {
    /// Everything worth a look, in the order of the text: what weakens the gateway, what is most
    /// likely not meant, what does not fit this machine, and what else was found (`NameReview`).
    package func remarks(
        state: StateFolder?,
        user: UInt32,
        now: Timestamp,
        environment: @escaping (String) -> String?,
        adding found: [Remark] = []
    ) -> [Remark] {
        let machine = MachineReview(
            configuration,
            state: state,
            user: user,
            environment: environment
        )
        let folder = Files.split(configuration.file).folder
        let certificates = TLSReview(configuration, folder: folder, now: now)
        let written =
            warnings + PolicyReview(self).remarks + staleInLock + certificates.remarks
        return (written + machine.remarks + found).sorted { left, right in
            let leftPlace = (left.position?.line ?? .max, left.position?.column ?? .max)
            let rightPlace = (right.position?.line ?? .max, right.position?.column ?? .max)
            return (left.file, leftPlace.0, leftPlace.1) < (right.file, rightPlace.0, rightPlace.1)
        }
    }

    /// Servers the lock knows and the configuration does not.
    private var staleInLock: [Remark] {
        let path = ConfigurationFiles.lockPath(of: configuration.file)
        let text = try? ConfigurationFiles.text(path)
        var remarks: [Remark] = []
        for (tenant, entry) in lock.tenants.sorted(by: { $0.key < $1.key }) {
            for server in entry.servers.keys.sorted()
            where !configuration.allServers.contains(where: {
                $0.tenant == tenant && $0.name == server
            }) {
                let place = ["tenants", tenant.rawValue, "pins", server.rawValue]
                remarks.append(
                    Remark(
                        file: path,
                        position: text?.position(
                            JSONPointer(tokens: place.map { JSONString($0) })
                        ),
                        text: "server `\(server)` is not configured any more",
                        hint: "remove its lines, or correct the server's name"
                    )
                )
            }
        }
        return remarks
    }
}
