import Base
import Sandbox

/// Everything a server's cage is made from; a plan is made of it anew for each start.
package struct CageRecipe: Sendable {
    let settled: CageProfile
    let cage: Configuration.Cage
    /// `tenant/server`, by which a server keeps its uid.
    let user: String
    let users: ServerUserFile
    let isRoot: Bool
    let probe: ProbeOnce
    /// Kept from start to start, so that a folder is looked through once.
    let hiding: HiddenFolders

    /// What the server is given, as the user it runs as; blocks.
    func profile(executes: Bool) throws -> CageProfile {
        var profile = settled
        if isRoot {
            let number = try users.number(for: user)
            profile.identity = .own(uid: number, gid: number)
        }
        profile.minimum = CageLayer.required(
            written: cage.minimum,
            executes: executes,
            hasFolders: !cage.read.isEmpty || !cage.write.isEmpty
        )
        return profile
    }

    /// The checked plan, and what to make it with; throws where the machine lacks what it needs.
    ///
    /// - Parameter change: what one start has beside all others.
    func plan(
        executes: Bool,
        adding change: (inout CageProfile) throws -> Void = { _ in }
    ) throws -> (CagePlan, CageTools, CageProbe) {
        var profile = try profile(executes: executes)
        try change(&profile)
        let machine = probe.value
        let tools = try machine.require(profile.minimum, isWritten: cage.minimum != nil)
        profile.hiding = hiding
        if case .missing(let reason)? = machine.findings[.overlay] {
            profile.hidingProblem = reason
        }
        return (try CagePlan(profile, isRoot: isRoot), tools, machine)
    }
}
