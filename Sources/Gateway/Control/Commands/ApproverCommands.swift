import System
import Storage
import Audit
package import Base
import JSON

extension ControlCommands {
    /// `approvers list|add|remove|reset`.
    static let approvers: [String: ControlCommand] = [
        "approvers.list": ControlCommand(level: .observe) { gateway, _ in
            let names = await gateway.approvers.names
            return JSONValue.array(names.map { JSONValue($0.rawValue) }).serialised()
        },
        "approvers.add": ControlCommand(level: .decide) { gateway, call in
            try await gateway.addApprover(call)
        },
        "approvers.remove": ControlCommand(level: .decide) { gateway, call in
            try await gateway.removeApprover(call)
        },
        "approvers.reset": ControlCommand(level: .observe) { gateway, call in
            try await gateway.resetApprovers(call)
        },
    ]
}

extension Gateway {
    func addApprover(_ call: ControlCall) async throws -> [UInt8] {
        let name = try PrincipalName(try call.request.required("name"))
        let passphrase = Array(try call.request.required("passphrase").utf8)
        let change = try await approvers.adding(name, passphrase: passphrase)
        _ = try await store.commit(
            Transaction(
                records: [approverEvent("added", name.rawValue, by: call.actor)],
                changes: [change]
            )
        )
        await approvers.committed(name)
        await desk.changeApprovers(await approverList())
        return JSONValue.done
    }

    func removeApprover(_ call: ControlCall) async throws -> [UInt8] {
        let name = try PrincipalName(try call.request.required("name"))
        let names = await approvers.names
        guard names.contains(name) else {
            throw ControlError(.refused, "no approver `\(name)`")
        }
        guard names.count > 1 else {
            throw ControlError(.refused, "the last approver stays", hint: "add another one first")
        }
        let key = StateKey(.main, .approvers, name.rawValue)
        _ = try await store.commit(
            Transaction(
                records: [approverEvent("removed", name.rawValue, by: call.actor)],
                changes: [.delete(key, expecting: .anything)]
            )
        )
        await approvers.removed(name)
        await desk.changeApprovers(await approverList())
        return JSONValue.done
    }

    /// Works as root only: it ends every question and puts one person in the place of all.
    ///
    /// There is never a moment without an approver, in which anybody could make the first one.
    func resetApprovers(_ call: ControlCall) async throws -> [UInt8] {
        guard call.peer?.userID == 0 else {
            throw ControlError(.refused, "`approvers reset` works as root only")
        }
        let name = try PrincipalName(try call.request.required("name"))
        let passphrase = Array(try call.request.required("passphrase").utf8)
        let change = try await approvers.adding(name, passphrase: passphrase)
        let others = await approvers.names.filter { $0 != name }
        _ = try await store.commit(
            Transaction(
                records: [approverEvent("reset", name.rawValue, by: call.actor)],
                changes: others.map {
                    .delete(StateKey(.main, .approvers, $0.rawValue), expecting: .anything)
                } + [change]
            )
        )
        await desk.reset()
        await approvers.replaced(by: name)
        await desk.changeApprovers(await approverList())
        return JSONValue.done
    }

    /// Makes the first approver, before anything listens; every later change needs an existing
    /// one's passphrase.
    package func makeFirstApprover(_ name: PrincipalName, passphrase: [UInt8]) async throws {
        guard await approvers.isEmpty else {
            throw ControlError(.refused, "there is an approver already")
        }
        let change = try await approvers.adding(name, passphrase: passphrase)
        _ = try await store.commit(
            Transaction(
                records: [approverEvent("first", name.rawValue, by: "terminal")],
                changes: [change]
            )
        )
        await approvers.committed(name)
        await desk.changeApprovers(await approverList())
    }

    private func approverEvent(_ change: String, _ name: String, by: String) -> AuditRecord {
        AuditRecord(
            .approver,
            at: parts.clock.timestamp,
            tenant: .main,
            environment: current.configuration.environment,
            detail: .fields([
                RecordField("approver", name),
                RecordField("by", by),
                RecordField("change", change),
            ])
        )
    }
}
