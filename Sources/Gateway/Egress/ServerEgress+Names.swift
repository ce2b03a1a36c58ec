import Base
import Egress
import System

// What a cage is told that asks for names: the allowed ones have the addresses that were decided on,
// all others are not there. What they connect to comes to the gateway whatever the address.
extension ServerEgress {
    func destination(_ address: IPAddress, _ port: UInt16) -> CapturedDestination {
        CapturedDestination(address, port: port, names: standIns)
    }

    func answer(_ query: NameQuery) async -> NameQuery.Answer {
        guard openLookUpCount < Limits.egressOpenQueryCount else { return .refused }
        openLookUpCount += 1
        defer { openLookUpCount -= 1 }
        var isNew = false
        do throws(EgressRefusal) {
            guard let name = DomainName(query.name),
                case .name? = try? WebHost(parsing: Array(name.text.utf8)[...])
            else { throw .notUsable(query.name, reason: "it is no name DNS could hold") }
            isNew = try count(.name(name.text))
            return try await answer(name, query)
        } catch {
            return await refuse(query, error, isNew: isNew)
        }
    }

    /// Whether the host was not asked for yet in this minute; throws where that is too much.
    private func count(_ host: WebHost) throws(EgressRefusal) -> Bool {
        switch budget.lookUp(host, at: loop.now) {
        case .fine(let isNew): return isNew
        case .tooMany(let excess): throw .overBudget(EgressTarget(host: host, port: 443), excess)
        }
    }

    private func answer(
        _ name: DomainName,
        _ query: NameQuery
    ) async throws(EgressRefusal) -> NameQuery.Answer {
        let host = WebHost.name(name.text)
        let rules = settings.rules + (await parts.book.rules(of: key))
        let allowed: AllowedTarget
        do throws(EgressRefusal) {
            allowed = try EgressPolicy(rules: rules).lookUp(host)
        } catch {
            // The connection waits for the person, and it needs an address to be made to.
            guard case .unknownHost = error, settings.asks else { throw error }
            return .addresses([.v4(standIns.address(of: name))])
        }
        guard [NameQuery.addressType, NameQuery.address6Type].contains(query.type) else {
            return .nothing
        }
        let pinned = try await pinned(allowed)
        guard let name = pinned.allowed.nameToResolve else { return .addresses(pinned.addresses) }
        let lifetime = told.keep(pinned.addresses, of: name, at: loop.now)
        return .addresses(pinned.addresses, lifetime: lifetime)
    }

    /// - Parameter isNew: whether its record is not there yet.
    private func refuse(
        _ query: NameQuery,
        _ refusal: EgressRefusal,
        isNew: Bool
    ) async -> NameQuery.Answer {
        switch refusal {
        case .unknownHost(let target):
            guard isNew else { return .noSuchName }
            refused(refusal, by: .lookUp)
            if [NameQuery.addressType, NameQuery.address6Type].contains(query.type) {
                await parts.book.ask(target, of: key, code: refusal.code)
            }
            return .noSuchName
        case .notUsable:
            refused(refusal, by: .lookUp, isCounted: false)
            return .noSuchName
        case .notResolved:
            if isNew { refused(refusal, by: .lookUp) }
            return .failed
        case .overBudget:
            refused(refusal, by: .lookUp)
            return .refused
        default:
            if isNew { refused(refusal, by: .lookUp) }
            return .refused
        }
    }

    /// Nil where what came is no question.
    func response(to bytes: [UInt8]) async -> [UInt8]? {
        do throws(NameQuery.Problem) {
            let query = try NameQuery(bytes)
            return query.response(await answer(query))
        } catch {
            return NameQuery.response(error)
        }
    }
}

/// Questions for names on a stream, each after its length (RFC 1035 section 4.2.2).
actor NameConnection {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    private let client: Stream
    private let owner: ServerEgress

    init(_ client: sending Stream, _ owner: ServerEgress) {
        loop = owner.loop
        self.client = client
        self.owner = owner
    }

    func run() async {
        for _ in 0..<Limits.egressNamesPerStream {
            guard let question = try? await question(),
                let response = await owner.response(to: question),
                (try? client.send(
                    [UInt8(response.count >> 8), UInt8(response.count & 0xff)],
                    response
                ))
                    != nil
            else { break }
        }
        client.close()
    }

    private func question() async throws(StreamError) -> [UInt8]? {
        let deadline = loop.now.advanced(by: Limits.egressGreeting)
        while true {
            if client.availableCount >= 2 {
                let length = client.withBytes { bytes in
                    Int(UInt16(bigEndian: unsafe bytes.unsafeLoadUnaligned(as: UInt16.self)))
                }
                guard length <= NameQuery.byteCountLimit else { return nil }
                if client.availableCount >= 2 + length {
                    return Array(client.take(2 + length).dropFirst(2))
                }
            }
            guard try await client.fill(until: deadline) > 0 else { return nil }
        }
    }
}
