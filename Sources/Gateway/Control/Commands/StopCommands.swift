import Audit
import Base
import JSON
import System

extension Gateway {
    /// Shuts a server off: the door first, so that no call is left to start it, then its tree.
    func killServer(_ call: ControlCall) async throws -> [UInt8] {
        let member = try await member(call)
        let settings = member.settings
        let reason = printable(call.request.string("reason") ?? "killed", limit: 500)
        let lockdown = Lockdown(
            target: .server(settings.name, in: settings.tenant),
            since: parts.clock.timestamp,
            reason: reason
        )
        var stopped = 0
        var failure: StoreError?
        do throws(StoreError) {
            stopped = try await door.lockDown(lockdown, by: call.actor)
        } catch {
            failure = error
        }
        // Dead whether or not the log can be written.
        if let process = member.hosted?.process {
            await process.condemn("killed by \(call.actor)")
            await process.stop()
        }
        if let failure {
            throw ControlError(
                .refused,
                "the server is down, but that could not be recorded: \(failure)",
                hint:
                    "a restart forgets the lockdown; set it again as soon as the log can be written"
            )
        }
        let key = ServerKey(tenant: settings.tenant, server: settings.name)
        _ = try await store.commit(
            serverRecord(
                key,
                [
                    RecordField("by", call.actor), RecordField("change", "killed"),
                    RecordField("reason", reason),
                ]
            )
        )
        if let left = await member.hosted?.process.left {
            throw ControlError(
                .timeout,
                "calls to `\(settings.name)` are refused, but \(left)",
                hint: "the kernel holds it, most likely for a disk that does not answer"
            )
        }
        let answer: JSONValue = [
            "killed": JSONValue(settings.name.rawValue), "stopped": JSONValue(stopped),
        ]
        return answer.serialised()
    }
}
