import Approval
import Audit
import Base
import JSON
import Storage
import System

extension Gateway {
    /// What a person sees of a question, with what is known around it.
    func card(of question: Question) async -> Card {
        var context = CardContext()
        context.usual = door.usual.usual(question.binding)
        context.before = await callsBefore(question)
        if let document = try? JSONDocument(parsing: question.callForm),
            let form = try? CallForm(document.root)
        {
            let paths = CardReading.writtenPaths(form)
            let member = await server(of: question.binding)
            let files = HostedFiles(
                member?.settings,
                folder: folder,
                hiding: member?.hosted?.recipe.hiding
            )
            // A folder may lie on a disk that hangs.
            context.files =
                (try? await parts.pool.run {
                    paths.reduce(into: [:]) { $0[JSONString($1)] = files.content(of: $1) }
                }) ?? [:]
        }
        return Card(of: question, in: context)
    }

    private func server(of binding: Binding) async -> ServerFleet.Member? {
        await fleet.all.first {
            $0.settings.name == binding.tool.server && $0.settings.tenant == binding.tenant
        }
    }

    /// The last calls of the same run, from the log; the newest last.
    private func callsBefore(_ question: Question) async -> [EarlierCall] {
        var query = SearchQuery()
        query.tenant = question.binding.tenant
        query.principal = question.binding.principal
        query.limit = Limits.recordsBeforeCount
        let heads = ((try? await store.search(query))?.leaves ?? []).compactMap {
            RecordHead(leaf: $0.bytes)
        }
        // The question's own call is no call before it.
        var seen = Set(
            heads.filter { $0.detail?["approval"]?.string == question.ticket.rawValue }
                .compactMap(\.call)
        )
        var calls: [EarlierCall] = []
        for head in heads where calls.count < Limits.callsBeforeCount {
            guard head.run == question.run, let call = head.call, let tool = head.tool,
                seen.insert(call).inserted
            else { continue }
            let detail = head.detail
            calls.append(
                EarlierCall(
                    time: head.time,
                    tool: "\(head.server ?? "").\(tool)",
                    outcome: detail?["status"]?.string ?? detail?["verdict"]?.string ?? head.kind
                )
            )
        }
        return calls.reversed()
    }
}
