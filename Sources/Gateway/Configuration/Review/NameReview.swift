import Base
import Egress
import HTTP
package import System

/// What the names of remote servers lead to, as the gateway itself decides before it connects.
///
/// Asks the resolver and nobody else, and connects to nothing.
package actor NameReview {
    private let configuration: Configuration
    private let decision: EgressDecision
    private let loop: EventLoop
    /// By the questions' places.
    private var answers: [Int: Result<Void, any Error>] = [:]
    /// Waits for all of them.
    private var all: Pending<Void>?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// For all names together.
    package static let limit: Duration = .seconds(2)

    package init(_ set: PolicySet, resolver: any Resolver, on loop: EventLoop) {
        configuration = set.configuration
        decision = EgressDecision(resolver: resolver, ownPorts: OwnPorts())
        self.loop = loop
    }

    private struct Question: Sendable {
        let place: [String]
        let server: ServerName
        let host: String
        let route: OwnRoute
    }

    /// One for each server whose name leads nowhere, or where the gateway will not connect to.
    package func remarks(within limit: Duration = NameReview.limit) async -> [Remark] {
        let questions = questions()
        guard !questions.isEmpty else { return [] }
        await ask(questions, until: loop.now.advanced(by: limit))
        return questions.enumerated().compactMap { index, question in
            let answer = answers[index] ?? .failure(Unanswered(limit: limit))
            guard case .failure(let error) = answer else { return nil }
            return remark(on: question, error)
        }
    }

    private func questions() -> [Question] {
        configuration.allServers.compactMap { server in
            // What is no URL, or no rule, is an error elsewhere.
            guard case .http(let http) = server.kind, let url = try? HTTPURL(parsing: http.url),
                let route = try? OwnRoute(
                    to: url.origin,
                    blocks: http.addresses,
                    decision,
                    refused: { _ in }
                )
            else { return nil }
            return Question(
                place: configuration.place(of: server) + ["url"],
                server: server.name,
                host: url.origin.host,
                route: route
            )
        }
    }

    private struct Unanswered: Error { let limit: Duration }

    private func ask(_ questions: [Question], until deadline: Instant) async {
        let all = Pending<Void>(on: loop)
        self.all = all
        for (index, question) in questions.enumerated() {
            // A look-up cannot be called off: the last answer, or the deadline, ends the wait, and the
            // command's process what still runs.
            loop.spawn { await self.look(up: question, index, of: questions.count) }
        }
        try? await all.value(until: deadline)
    }

    private func look(up question: Question, _ index: Int, of count: Int) async {
        do throws(HTTPClientError) {
            _ = try await question.route.addresses()
            answers[index] = .success(())
        } catch { answers[index] = .failure(error) }
        if answers.count == count { all?.fulfil(()) }
    }

    private func remark(on question: Question, _ error: any Error) -> Remark {
        let name = "`\(printable(question.host))`"
        if error is Unanswered {
            return configuration.remark(
                at: question.place,
                "\(name) of server `\(question.server)` was not looked up in time",
                hint: Self.offline
            )
        }
        if case .resolution(let error)? = (error as? HTTPClientError)?.reason {
            return configuration.remark(
                at: question.place,
                "\(name) of server `\(question.server)` has no address here: \(printable(error.reason))",
                hint: Self.offline
            )
        }
        guard case .addressRefused(let reason)? = (error as? HTTPClientError)?.reason else {
            return configuration.remark(at: question.place, "\(name): \(error)")
        }
        return configuration.remark(
            at: question.place,
            "the gateway will not connect to server `\(question.server)`: \(reason)"
        )
    }

    private static let offline =
        "correct the name, or check where it can be looked up; `--offline` leaves this out"
}
