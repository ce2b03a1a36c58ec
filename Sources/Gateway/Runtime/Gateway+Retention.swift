import Approval
import Audit
import Base
import Storage
import System

/// Letting go of the oldest records, where the configuration says so: in small steps, and never of
/// what something that is still open rests on.
extension Gateway {
    /// Looks at once, and from then on now and then for as long as the loop runs; by the
    /// configuration as it is then.
    func lookAtRetention() {
        guard !isRemoving, !isStopping else { return }
        isRemoving = true
        retentionTimer?.cancel()
        // One step; the next is scheduled when it is done.
        loop.spawn { [weak self] in await self?.retain() }
    }

    private func retain() async {
        let retention = current.configuration.audit.retention
        var isMore = false
        if let retention { isMore = await remove(by: retention) } else { retentionFailure = nil }
        isRemoving = false
        // Another one may have come into force meanwhile.
        isMore = isMore || current.configuration.audit.retention != retention
        let pause = isMore ? Limits.retentionPause : Limits.retentionLook
        retentionTimer = loop.schedule(after: pause) { [weak self] in
            self?.assumeIsolated { $0.lookAtRetention() }
        }
    }

    /// Whether something went; there may be more then.
    private func remove(by retention: Configuration.Retention) async -> Bool {
        var isMore = false
        // A first start accepts its configuration without anybody; a removal needs somebody.
        if await approvers.isEmpty {
            stay(because: "nobody may decide yet")
        } else {
            do throws(StoreError) {
                isMore = try await store.remove(order(retention), at: parts.clock.timestamp) != nil
                retentionFailure = nil
            } catch { stay(because: "\(error)") }
        }
        return isMore
    }

    private func stay(because reason: String) {
        if retentionFailure != reason { parts.log("the oldest records are not removed: \(reason)") }
        retentionFailure = reason
    }

    private func order(_ retention: Configuration.Retention) async -> RemovalOrder {
        var order = RemovalOrder()
        order.before = retention.age.map { steadyNow.advanced(by: .zero - $0) }
        order.byteCount = retention.byteCount
        order.sizeBefore = steadyNow.advanced(by: .zero - retention.byteAge)
        order.neededFrom = await door.firstUnknownIntent
        order.neededSince = await desk.oldestNeed
        return order
    }

    /// The time of day, without what the clock jumped forward since the start: a clock that is set
    /// wrong must not make every record old.
    private var steadyNow: Timestamp {
        let now = parts.clock.timestamp
        return min(now, started.advanced(by: loop.now.duration(since: startedAt)))
    }
}

extension ApprovalDesk {
    /// When the oldest of what people still owe an answer began: questions, a yes that was not used,
    /// standing yeses, emergencies without review.
    var oldestNeed: Timestamp? {
        (book.begun + glasses.all.map(\.opened)).min()
    }
}
