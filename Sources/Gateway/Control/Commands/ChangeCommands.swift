import Approval
import Audit
import Base
import Crypto
import JSON
import Sandbox
import System

extension ControlCommands {
    /// `servers changes`: what a server changed in folders it has a copy on write of.
    static let changes: [String: ControlCommand] = [
        "servers.changes": ControlCommand(level: .observe) { gateway, call in
            let member = try await gateway.member(call)
            return try await gateway.changes(of: member).serialised()
        },
        "servers.commit": ControlCommand(level: .decide) { gateway, call in
            let shown = call.request.params?["digests"]?.elements.compactMap(\.string) ?? []
            let digests = shown.compactMap { Hex.decode($0).flatMap { Digest(bytes: $0) } }
            guard !digests.isEmpty, digests.count == shown.count else {
                throw ControlError(
                    .usage,
                    "`digests` are those of the changes that were shown",
                    hint: "`gatehouse servers changes NAME` shows them"
                )
            }
            return try await gateway.settleChanges(call, committing: digests)
        },
        "servers.drop": ControlCommand(level: .decide) { gateway, call in
            try await gateway.settleChanges(call, committing: nil)
        },
    ]
}

extension Gateway {
    /// How long the server may take to end and come again.
    private static let settlingTime = Duration.seconds(60)

    func changes(of member: ServerFleet.Member) async throws -> JSONValue {
        let recipe = try recipe(of: member)
        let executes = member.hosted?.facts.current.executes ?? false
        do {
            return try await fleet.planning {
                let (plan, _, _) = try recipe.plan(executes: executes)
                let found = try recipe.hiding.changes(in: plan, hashing: OpenSSLHashing())
                return .array(found.map { Self.value(of: $0.folder, $0.list) })
            }
        } catch let error as CageError {
            throw ControlError(.refused, "its cage cannot be made: \(error)")
        } catch let error as ChangeFailure {
            throw ControlError(.refused, "\(error)")
        }
    }

    private static func value(of folder: KeptChanges, _ list: ChangeList) -> JSONValue {
        var object = JSONObject()
        object["folder"] = JSONValue(folder.inside)
        object["outside"] = JSONValue(folder.outside)
        object["digest"] = JSONValue(list.digest.description)
        object["changes"] = .array(
            list.changes.map { change in
                var row = JSONObject()
                row["path"] = JSONValue(String(decoding: change.path, as: UTF8.self))
                row["kind"] = JSONValue(change.kind.rawValue)
                if let count = change.byteCount { row["bytes"] = JSONValue(Int(count)) }
                if let target = change.target {
                    row["target"] = JSONValue(String(decoding: target, as: UTF8.self))
                }
                return .object(row)
            }
        )
        return .object(object)
    }

    /// Ends the server's process, does it, and lets the server start again.
    ///
    /// Recorded before it is done, and again where it failed.
    fileprivate func settleChanges(
        _ call: ControlCall,
        committing digests: [Digest]?
    ) async throws -> [UInt8] {
        // A yes to what a server wrote is a yes; dropping it takes nothing from anybody.
        if digests != nil, let approver = call.approver {
            try await requireNoDebt(PersonName(unchecked: approver.rawValue))
        }
        let member = try await member(call)
        _ = try recipe(of: member)
        guard let hosted = member.hosted else { return JSONValue.done }
        let settings = member.settings
        let key = ServerKey(tenant: settings.tenant, server: settings.name)
        let what = digests == nil ? "changes dropped" : "changes committed"
        var fields = [RecordField("by", call.actor), RecordField("change", what)]
        if let digests {
            fields.append(RecordField("digest", digests.map(\.description).joined(separator: " ")))
        }
        _ = try await store.commit(serverRecord(key, fields))
        let loop = loop
        do {
            try await withCheckedThrowingContinuation { continuation in
                let order = ChangeOrder(digests, continuation)
                hosted.orders.give(order)
                // Ends by itself: a restart waits for nothing.
                loop.spawn { await hosted.process.restart() }
                loop.schedule(after: Self.settlingTime) {
                    order.finish(
                        .failure(
                            ControlError(.timeout, "the server did not end in time; try again")
                        )
                    )
                }
            }
        } catch {
            fields.append(RecordField("failed", printable("\(error)", limit: 300)))
            _ = try await store.commit(serverRecord(key, fields))
            throw error is ControlError ? error : ControlError(.refused, "\(error)")
        }
        return JSONValue.done
    }
}
