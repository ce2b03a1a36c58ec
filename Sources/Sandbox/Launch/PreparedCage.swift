package import System

/// A launch on its way from the thread that opened it to the loop that starts it.
package final class PreparedCage: Sendable {
    package let launch: CageLaunch

    package init(_ launch: consuming CageLaunch) { self.launch = launch }

    /// Checks a profile and opens what it names; blocks, so run it in the pool.
    package convenience init(
        _ profile: CageProfile,
        tools: CageTools,
        isRoot: Bool
    ) throws(CageError) {
        self.init(try CageLaunch(try CagePlan(profile, isRoot: isRoot), tools: tools))
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
