import Base
import JSON
import MCP
import System

/// What a server offers, list by list, bounded in pages, items, bytes and time.
extension MCPClient {
    /// All of it of one process or session.
    ///
    /// Where that goes meanwhile it throws, unless `isLast`: then what was read by then is all there is.
    func list(
        _ revision: Revision,
        of generation: UInt64?,
        isLast: Bool = false
    ) async throws(UpstreamFailure) -> ServerDescription {
        // However many lists and pages: all of them within the time of one start.
        let asking = Asking(
            revision: revision,
            generation: generation,
            isLast: isLast,
            deadline: loop.now.advanced(by: startTimeout)
        )
        var found = Listing()
        // A server that says nothing of itself is asked at least for tools.
        if offers("tools") || !(offers("prompts") || offers("resources")) {
            try await list(.tool, asking, into: &found)
        }
        if offers("prompts") {
            try await listWhatMayFail([.prompt], asking, into: &found)
        }
        if offers("resources") {
            let before = found.definitions.count
            try await listWhatMayFail([.resource, .template], asking, into: &found)
            // An empty shelf is announced to nobody.
            if found.definitions.count > before, let reading = ToolDefinition.reading {
                found.definitions.append(reading)
            }
        }
        let isCompleting =
            offers("completions")
            // The first revision has no word for it.
            || (revision < .r2025_03_26 && (offers("prompts") || offers("resources")))
        let hasCompletable = found.definitions.contains {
            $0.kind == .prompt || $0.kind == .template
        }
        if isCompleting, hasCompletable, let completion = ToolDefinition.completion {
            found.definitions.append(completion)
        }
        // What it may ask is offered to nobody: it is accepted, placed and judged by these names.
        found.definitions += asks.judged.compactMap { $0 }
        return ServerDescription(
            revision: revision,
            instructions: instructions,
            tools: found.definitions,
            unusable: found.unusable,
            abilities: ServerDescription.Abilities(
                subscribes: capabilities?["resources"]?["subscribe"]?.bool == true,
                logs: offers("logging")
            )
        )
    }

    /// Whom all the lists are asked of, and until when.
    private struct Asking {
        let revision: Revision
        let generation: UInt64?
        let isLast: Bool
        let deadline: Instant
    }

    private struct Listing {
        var definitions: [ToolDefinition] = []
        var unusable: [ServerDescription.UnusableTool] = []
    }

    private func offers(_ name: StaticString) -> Bool { capabilities?[name]?.kind == .object }

    /// A list beside the tools that cannot be read takes nothing else with it.
    private func listWhatMayFail(
        _ kinds: [OfferKind],
        _ asking: Asking,
        into found: inout Listing
    ) async throws(UpstreamFailure) {
        for kind in kinds {
            do throws(UpstreamFailure) {
                try await list(kind, asking, into: &found)
            } catch {
                // A list that went with its process may be read from the next.
                let isGone = error.isOvertaken || error.kind == .lost && !transport.isHTTP
                guard asking.isLast || !isGone else { throw error }
                let method = kind.listing?.method ?? ""
                found.unusable.append(.init(name: method, reason: error.description))
            }
        }
    }

    private func list(
        _ kind: OfferKind,
        _ asking: Asking,
        into found: inout Listing
    ) async throws(UpstreamFailure) {
        guard let (method, member) = kind.listing else { return }
        var byteCount = 0
        var itemCount = 0
        var cursor: String?
        var seen: Set<String> = []
        for _ in 0..<Limits.listPageCount {
            let page = try await listPage(
                method,
                member,
                after: cursor,
                asking
            )
            byteCount += page.source.count
            guard byteCount <= Limits.listByteCount else {
                throw UpstreamFailure(
                    .invalidAnswer,
                    "`\(method)` has more than \(Limits.listByteCount) bytes"
                )
            }
            for item in page.member(member).map({ Array($0.elements) }) ?? [] {
                guard itemCount < Limits.listItemCount else {
                    throw UpstreamFailure(
                        .invalidAnswer,
                        "lists more than \(Limits.listItemCount) \(kind.noun)s"
                    )
                }
                itemCount += 1
                do throws(ToolDefinition.Problem) {
                    found.definitions.append(try ToolDefinition(item, as: kind))
                } catch {
                    found.unusable.append(
                        .init(name: Self.name(of: item, as: kind), reason: "\(error)")
                    )
                }
            }
            cursor = try Self.cursor(after: page, of: method)
            guard let next = cursor else { return }
            guard seen.insert(next).inserted else {
                throw UpstreamFailure(.invalidAnswer, "`\(method)` repeats a cursor")
            }
        }
        throw UpstreamFailure(
            .invalidAnswer,
            "`\(method)` has more than \(Limits.listPageCount) pages"
        )
    }

    /// What an unusable item is called towards the operator.
    private static func name(of item: JSONNode, as kind: OfferKind) -> String {
        let own = printable(item["name"]?.string ?? "?")
        return switch kind {
        case .prompt: OfferKind.promptPrefix + own
        case .resource: OfferKind.resourcePrefix + own
        case .template: OfferKind.templatePrefix + own
        case .tool, .reading, .completion, .sampling, .roots: own
        }
    }

    private func listPage(
        _ method: String,
        _ member: String,
        after cursor: String?,
        _ asking: Asking
    ) async throws(UpstreamFailure) -> JSONNode {
        let answer = try await request(
            method,
            revision: asking.revision,
            of: asking.generation,
            timeout: max(.zero, asking.deadline.duration(since: loop.now))
        ) { writer in
            guard let cursor else { return }
            writer.key("cursor")
            writer.string(cursor)
        }
        switch try Self.complete(answer, asking.revision) {
        case .result(let result) where result.member(member)?.kind == .array: return result
        case .result, .input:
            throw UpstreamFailure(.invalidAnswer, "answered `\(method)` with no list")
        case .error(_, let message, _):
            throw UpstreamFailure(
                .invalidAnswer,
                "refused `\(method)`: \(printable(message, limit: 200))"
            )
        }
    }

    /// Only an absent cursor ends a list; the empty text is one like any other (2026-07-28,
    /// server/utilities/pagination).
    private static func cursor(
        after page: JSONNode,
        of method: String
    ) throws(UpstreamFailure) -> String? {
        guard let node = page["nextCursor"], !node.isNull else { return nil }
        guard let cursor = node.string else {
            throw UpstreamFailure(.invalidAnswer, "`nextCursor` of `\(method)` is not a text")
        }
        return cursor
    }
}
