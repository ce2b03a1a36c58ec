import Base

/// What became of every act in one server's real cage, and which layer stopped it.
package struct Proof: Sendable {
    package enum Verdict: Sendable, Equatable {
        /// A server must be able to do it, and is.
        case works
        case broken
        case stopped(CageLayer)
        /// It got through because the operator wrote so.
        case open(String)
        case through
        /// It failed in a way no layer of ours accounts for: no proof.
        case unclear

        package var word: String {
            switch self {
            case .works: "works"
            case .broken: "broken"
            case .stopped: "stopped"
            case .open: "open"
            case .through: "through"
            case .unclear: "unclear"
            }
        }

        package var isGood: Bool {
            switch self {
            case .works, .stopped, .open: true
            case .broken, .through, .unclear: false
            }
        }
    }

    package struct Outcome: Sendable {
        package let act: Act
        package let answer: Act.Answer
        package let verdict: Verdict
    }

    package let outcomes: [Outcome]

    package var isProven: Bool { outcomes.allSatisfy(\.verdict.isGood) }

    private static let counter = Lock<UInt64>(0)

    /// Makes the cage of `plan` with the victim in the place of its program, a few times; blocks.
    package init(
        _ plan: CagePlan,
        tools: CageTools,
        state: String,
        protectedPaths: [String]
    ) throws(CageError) {
        let number = Self.counter.withLock { counter in
            counter += 1
            return counter
        }
        let canaries = try ProofCanaries(number: number)
        let place = ProofPlace(
            plan,
            tools,
            state: state,
            protectedPaths: protectedPaths,
            canaries: canaries
        )
        let acts = Self.acts(plan, place)
        let victim = plan.playingVictim()
        var answers: [String: Act.Answer] = [:]
        func carryOut(_ acts: [Act]) throws(CageError) {
            let together = acts.filter { !$0.isAlone }
            let runs = (together.isEmpty ? [] : [together]) + acts.filter(\.isAlone).map { [$0] }
            for run in runs {
                for (act, answer) in try Self.run(run, victim, tools) {
                    answers[act.name] = answer
                }
            }
        }
        try carryOut(acts)
        // Once more, with more time: an act that did not end says nothing about any layer.
        try carryOut(Self.late(acts, answers).map { $0.patient() })
        outcomes = acts.map { act in
            let answer = answers[act.name] ?? .silence
            return Outcome(
                act: act,
                answer: answer,
                verdict: Self.verdict(act, answer, plan, tools)
            )
        }
        // Its files and services stand until here.
        withExtendedLifetime(canaries) {}
    }

    /// Acts that ran out of time where no layer makes them.
    static func late(_ acts: [Act], _ answers: [String: Act.Answer]) -> [Act] {
        acts.filter { act in
            let answer = answers[act.name] ?? .silence
            return answer.isLate && act.held[answer] == nil
        }
    }

    /// Every act that this machine can carry out, those that must succeed first.
    static func acts(_ plan: CagePlan, _ place: ProofPlace) -> [Act] {
        var seen: Set<String> = []
        let all =
            Act.working(plan) + Act.files(place) + Act.listings(place) + Act.links(place)
            + Act.processes(place) + Act.kernel + Act.network(place) + Act.secrets(place)
            + Act.terminal + Act.exhaustion(plan)
        return all.filter { ActScript.bytes(of: $0) != nil && seen.insert($0.name).inserted }
    }

    private static func run(
        _ acts: [Act],
        _ plan: CagePlan,
        _ tools: CageTools
    ) throws(CageError) -> [(Act, Act.Answer)] {
        let script = acts.flatMap { ActScript.bytes(of: $0) ?? [] }
        guard script.count <= ActScript.byteCountLimit else {
            throw .tooMany(what: "bytes of acts", limit: ActScript.byteCountLimit)
        }
        let seconds = acts.reduce(30) { max($0, Int($1.seconds) + 30) }
        let launch = try CageLaunch(plan, tools: tools)
        let run = try BlockingRun(launch, input: script, deadline: .seconds(seconds))
        launch.group?.remove(within: Limits.groupEnd)
        for case .failed(let failure) in run.reports { throw .launchFailed("\(failure)") }
        guard run.reports.contains(.started) else {
            let words = String(decoding: run.errors, as: UTF8.self)
            throw .launchFailed(printable(words, limit: 256))
        }
        let answers = ActScript.answers(in: run.output)
        return acts.enumerated().map { ($1, answers[$0] ?? .silence) }
    }

    private static func verdict(
        _ act: Act,
        _ answer: Act.Answer,
        _ plan: CagePlan,
        _ tools: CageTools
    ) -> Verdict {
        if act.group == .works { return answer == .through ? .works : .broken }
        let isOpen = act.isOpenOnHostNetwork && plan.network == .host
        if isOpen, answer == .through { return .open("network: host") }
        if let layer = act.held[answer] {
            // A layer this cage does not have stopped nothing.
            let isThere =
                switch layer {
                case .landlock: tools.landlockVersion > 0
                case .cgroup: tools.groups != nil
                default: true
                }
            return isThere ? .stopped(layer) : answer == .through ? .through : .unclear
        }
        if isOpen { return .open("network: host") }
        return answer == .through ? .through : .unclear
    }
}

extension CagePlan {
    /// The same cage with the victim in the place of the program.
    func playingVictim() -> Self {
        var plan = self
        plan.program = []
        plan.command.executable = BubblewrapArguments.victimPath
        plan.command.arguments = ["gatehouse-victim"]
        return plan
    }
}
