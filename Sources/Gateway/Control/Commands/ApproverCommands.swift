import System
import Storage
import Approval
import Audit
package import Base
import JSON

extension ControlCommands {
    /// `approvers list|add|remove|reset`.
    static let approvers: [String: ControlCommand] = [
        "approvers.list": ControlCommand(level: .observe) { gateway, call in
            var list: [JSONValue] = []
            let people = await gateway.approvers.people.filter { person in
                // Who decides for all tenants decides for one's own.
                person.tenants?.contains(where: { call.sees($0) }) ?? true
            }
            for person in people {
                guard case .object(var object) = person.value else { continue }
                let name = PersonName(unchecked: person.name.rawValue)
                if let debt = await gateway.desk.lock(on: name) {
                    object["locked"] = JSONValue(debt.rawValue)
                }
                list.append(.object(object))
            }
            return JSONValue.array(list).serialised()
        },
        "approvers.add": ControlCommand(level: .administer) { gateway, call in
            try await gateway.addApprover(call)
        },
        "approvers.remove": ControlCommand(level: .administer) { gateway, call in
            try await gateway.removeApprover(call)
        },
        "approvers.reset": ControlCommand(level: .observe) { gateway, call in
            try await gateway.resetApprovers(call)
        },
    ]
}

extension Gateway {
    func addApprover(_ call: ControlCall) async throws -> [UInt8] {
        let person = try person(call.request)
        // Nobody gives what they have not.
        for tenant in person.tenants ?? [] { try call.require(tenant) }
        if person.tenants == nil { try call.require(nil) }
        let passphrase = Array(try call.request.required("passphrase").utf8)
        // Before the turn: it takes a good part of a second.
        let addition = try await approvers.adding(person, passphrase: passphrase)
        try await inTurn(access, for: call) {
            if let present = await approvers.person(person.name) {
                try call.requireAll(of: present)
            }
            guard await approvers.keepsAdmin(without: person.name, becoming: person) else {
                throw Self.lastAdmin
            }
            _ = try await store.commit(
                Transaction(
                    records: [approverEvent("added", person.name.rawValue, by: call.actor, person)],
                    changes: [addition.change]
                )
            )
            await approvers.committed(addition)
            await desk.changeApprovers(await approverList())
        }
        return JSONValue.done
    }

    private static let lastAdmin = ControlError(
        .refused,
        "the last approver stays who has the role `admin` for every tenant",
        hint: "add another one first: `gatehouse approvers add NAME --role admin`"
    )

    /// Who is added, and what they may do: answer questions of all tenants, unless it says else.
    private func person(_ request: ControlRequest) throws -> Person {
        func texts(_ key: StaticString) -> [String]? {
            guard let node = request.params?[key], !node.isNull else { return nil }
            return node.elements.compactMap(\.string)
        }
        var roles: Set<Role> = []
        for text in texts("roles") ?? [Role.approver.rawValue] {
            guard let role = Role(rawValue: text) else {
                throw ControlError(
                    .usage,
                    "`\(printable(text))` is no role",
                    hint: "use approver, admin or auditor"
                )
            }
            roles.insert(role)
        }
        guard !roles.isEmpty else {
            throw ControlError(.usage, "somebody without a role is nobody")
        }
        var tenants: Set<TenantID>?
        if let names = texts("tenants") {
            guard !names.isEmpty else { throw ControlError(.usage, "`tenants` is empty") }
            tenants = Set(try names.map { try TenantID($0) })
            for tenant in tenants ?? [] where tenant != .main {
                guard current.configuration.tenants[tenant] != nil else {
                    throw ControlError(.refused, "no tenant `\(tenant)` in the configuration")
                }
            }
        }
        return Person(
            name: try PrincipalName(try request.required("name")),
            roles: roles,
            tenants: tenants
        )
    }

    func removeApprover(_ call: ControlCall) async throws -> [UInt8] {
        let name = try PrincipalName(try call.request.required("name"))
        try await inTurn(access, for: call) {
            guard let present = await approvers.person(name) else {
                throw ControlError(.refused, "no approver `\(name)`")
            }
            try call.requireAll(of: present)
            guard await approvers.keepsAdmin(without: name) else { throw Self.lastAdmin }
            let key = StateKey(.main, .approvers, name.rawValue)
            _ = try await store.commit(
                Transaction(
                    records: [approverEvent("removed", name.rawValue, by: call.actor)],
                    changes: [.delete(key, expecting: .anything)]
                )
            )
            await approvers.removed(name)
            await desk.changeApprovers(await approverList())
        }
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
        let addition = try await approvers.adding(Self.first(name), passphrase: passphrase)
        // Whoever is added meanwhile is either gone with the others, or added by somebody who is.
        try await inTurn(access, for: call) {
            let others = await approvers.names.filter { $0 != name }
            _ = try await store.commit(
                Transaction(
                    records: [approverEvent("reset", name.rawValue, by: call.actor)],
                    changes: others.map {
                        .delete(StateKey(.main, .approvers, $0.rawValue), expecting: .anything)
                    } + [addition.change]
                )
            )
            // First, so that none of the others answers a question while the rest is written.
            await approvers.replaced(by: addition)
            await desk.reset()
            await desk.changeApprovers(await approverList())
        }
        return JSONValue.done
    }

    /// Makes the first approver, before anything listens; every later change needs an existing
    /// one's passphrase.
    package func makeFirstApprover(_ name: PrincipalName, passphrase: [UInt8]) async throws {
        guard await approvers.isEmpty else {
            throw ControlError(.refused, "there is an approver already")
        }
        let addition = try await approvers.adding(Self.first(name), passphrase: passphrase)
        _ = try await store.commit(
            Transaction(
                records: [approverEvent("first", name.rawValue, by: "terminal")],
                changes: [addition.change]
            )
        )
        await approvers.committed(addition)
        await desk.changeApprovers(await approverList())
    }

    /// Who begins, or begins again: everything, in every tenant.
    private static func first(_ name: PrincipalName) -> Person {
        Person(name: name, roles: [.approver, .admin], tenants: nil)
    }

    private func approverEvent(
        _ change: String,
        _ name: String,
        by: String,
        _ person: Person? = nil
    ) -> AuditRecord {
        AuditRecord(
            .approver,
            at: parts.clock.timestamp,
            tenant: .main,
            environment: current.configuration.environment,
            detail: .fields([
                RecordField("approver", name),
                RecordField("by", by),
                RecordField("change", change),
                RecordField(
                    "roles",
                    .texts(person.map { $0.roles.map(\.rawValue).sorted() } ?? [])
                ),
                RecordField(
                    "tenants",
                    .texts(person?.tenants.map { $0.sorted().map(\.rawValue) } ?? [])
                ),
            ])
        )
    }
}

extension ControlCall {
    /// Refuses to change somebody whose tenants go beyond those of whoever asks.
    fileprivate func requireAll(of person: Person) throws(ControlError) {
        guard let tenants = person.tenants else { return try require(nil) }
        for tenant in tenants { try require(tenant) }
    }
}
