package import Base
package import System

/// A launch on its way from the thread that opened it to the loop that starts it.
package final class PreparedCage: Sendable {
    package let launch: CageLaunch
    /// What the launch was made from: its notes for the operator, its command for the identity.
    package let plan: CagePlan

    /// What bounds the tree; nil where only the limits of processes do.
    package var group: CageGroup? { launch.group }

    package init(_ plan: CagePlan, tools: CageTools) throws(CageError) {
        self.plan = plan
        launch = try CageLaunch(plan, tools: tools)
    }

    /// Throws where what is hidden is not as it was when the folders were looked through; blocks.
    ///
    /// Asked last: reading a large program takes seconds.
    package func checkHidden() throws(CageError) { try plan.denied?.check() }

    /// What will be executed: read from the very files that are shown in the cage; blocks.
    package func identity(
        hashing: any Hashing,
        cache: TreeDigests
    ) throws(LaunchIdentity.Failure) -> LaunchIdentity {
        try LaunchIdentity(plan.command, opened: launch.shown, hashing: hashing, cache: cache)
    }

    /// Checks a profile and opens what it names; blocks, so run it in the pool.
    package convenience init(
        _ profile: CageProfile,
        tools: CageTools,
        isRoot: Bool
    ) throws(CageError) {
        try self.init(try CagePlan(profile, isRoot: isRoot), tools: tools)
    }

    /// What to spawn on the loop, with pipes as standard streams.
    ///
    /// Keep this object until `spawn` has returned. Privileges are given up by gatehouse-stage and by
    /// bubblewrap itself, after the namespaces are made.
    package var request: SpawnRequest {
        var request = SpawnRequest(
            executable: launch.executable,
            arguments: Array(launch.arguments.dropFirst()),
            environment: []
        )
        request.name = launch.arguments.first
        request.workingDirectory = "/"
        request.standardInput = .pipe
        request.standardOutput = .pipe
        request.standardError = .pipe
        for (index, number) in launch.passed.numbers.enumerated() {
            request.extraDescriptors[PassedDescriptors.firstNumber + CInt(clamping: index)] = number
        }
        request.gainsNoPrivileges = false
        return request
    }
}

extension CageProfile {
    /// What programs inside are told of the way out; lower case for those that read only that.
    package static let egressVariables: [String: String] = {
        let proxy = "http://127.0.0.1:\(InitProtocol.egressPort)"
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
        var variables = ["NO_PROXY": "", "no_proxy": "", "NODE_USE_ENV_PROXY": "1"]
        for name in names { variables[name] = proxy }
        for name in names { variables[name.lowercased()] = proxy }
        return variables
    }()

    /// What programs inside are told of `authorities`: OpenSSL, Python, curl, Node, git, pip, AWS,
    /// Rust, Deno.
    package static let authorityVariables: [String: String] = {
        let names = [
            "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
            "GIT_SSL_CAINFO", "PIP_CERT", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "DENO_CERT",
        ]
        return Dictionary(names.map { ($0, CagePlan.authoritiesPath) }) { first, _ in first }
    }()

    /// What is executed where no cage is wanted, to identify the program by; blocks.
    package func uncagedCommand() throws(CageError) -> ResolvedCommand {
        try CommandResolver.identify(self)
    }

    /// What to spawn where no cage is wanted: the same command found the same way, as the same user,
    /// with the given environment only.
    ///
    /// Blocks. Everything else of the profile (folders, network, limits) means nothing without a cage.
    package func uncagedRequest(isRoot: Bool) throws(CageError) -> SpawnRequest {
        let command = try CommandResolver.find(self)
        var request = SpawnRequest(
            executable: command.executable,
            arguments: Array(command.arguments.dropFirst())
        )
        var variables = ["PATH": searchPath.joined(separator: ":"), "LANG": "C.UTF-8"]
        variables.merge(environment) { $1 }
        request.environment = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        request.workingDirectory = workingFolder ?? baseFolder
        request.standardInput = .pipe
        request.standardOutput = .pipe
        request.standardError = .pipe
        switch identity {
        case .gateway where isRoot, .own(uid: 0, gid: _), .own(uid: _, gid: 0): throw .runsAsRoot
        case .gateway: break
        case .own(let uid, let gid):
            guard isRoot else { throw .cannotSwitchUser }
            request.identity = ProcessIdentity(user: uid, group: gid)
        }
        return request
    }
}
