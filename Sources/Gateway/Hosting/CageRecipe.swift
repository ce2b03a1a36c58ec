import Base
import Crypto
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

    /// Does what a person decided of the changes to its copies; blocks, while no process of it runs.
    func settle(_ order: ChangeOrder, executes: Bool) throws {
        let (plan, _, _) = try plan(executes: executes)
        try hiding.settle(plan, committing: order.shown, hashing: OpenSSLHashing())
    }

    /// What an operator should know of how its folders are shown.
    func notes(of plan: CagePlan) -> [String] {
        plan.sources.compactMap { source in
            guard case .copying = source.view else { return nil }
            return "`\(printable(source.outside))` holds what is denied: what it writes to "
                + "`\(printable(source.inside))` is kept apart until `gatehouse servers changes` settles it"
        }
    }

    /// The same recipe for a cage beside the server's own: it has changes of its own, which are forgotten.
    func beside(in place: String) -> Self {
        CageRecipe(
            settled: settled,
            cage: cage,
            user: user,
            users: users,
            isRoot: isRoot,
            probe: probe,
            hiding: HiddenFolders(
                hiding.rules,
                place: place,
                changes: "\(place)/beside-\(UInt64.random(in: 0 ... .max))",
                overlayTrial: hiding.overlayTrial
            )
        )
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
        switch machine.findings[.overlay] {
        case .missing(let reason)?: profile.overlay = .impossible(reason)
        case .untried(let reason)?: profile.overlay = .untried(reason)
        case .present?, nil: break
        }
        return (try CagePlan(profile, isRoot: isRoot), tools, machine)
    }
}
