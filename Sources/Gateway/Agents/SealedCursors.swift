package import Base
package import Crypto
package import MCP

/// Cursors of lists, sealed to their principal and endpoint: nobody else can use or make one.
package struct SealedCursors: CursorSealing {
    private let key: SealingKey
    private let random: any RandomSource

    package init(key: SealingKey, random: any RandomSource) {
        self.key = key
        self.random = random
    }

    package func seal(
        _ position: CursorPosition,
        _ list: OfferKind,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> String {
        let plain = Array("\(position.version).\(position.offset)".utf8)
        let sealed = try? key.seal(
            plain,
            context: context(principal, endpoint, list),
            random: random
        )
        return Base64.encode(sealed ?? [], .urlSafe)
    }

    package func open(
        _ cursor: String,
        _ list: OfferKind,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> CursorPosition? {
        guard cursor.utf8.count <= 256, let sealed = Base64.decode(cursor, .urlSafe),
            let plain = try? key.open(sealed, context: context(principal, endpoint, list))
        else { return nil }
        let parts = String(decoding: plain, as: UTF8.self).split(separator: ".")
        guard parts.count == 2, let version = UInt64(parts[0]), let offset = Int(parts[1]) else {
            return nil
        }
        return CursorPosition(version: version, offset: offset)
    }

    package func seal(
        _ state: [UInt8],
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> String {
        let sealed = try? key.seal(state, context: context(principal, endpoint), random: random)
        return Base64.encode(sealed ?? [], .urlSafe)
    }

    package func open(
        state: String,
        for principal: PrincipalKey,
        _ endpoint: Endpoint
    ) -> [UInt8]? {
        Base64.decode(state, .urlSafe).flatMap {
            try? key.open($0, context: context(principal, endpoint))
        }
    }

    private func context(
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        _ list: OfferKind? = nil
    ) -> [UInt8] {
        let place: String = if case .server(let name) = endpoint { name.rawValue } else { "" }
        let method = list.map { $0.listing?.method ?? "" } ?? "request state"
        return Array("\(method)\n\(principal.tenant)\n\(principal.token)\n\(place)".utf8)
    }
}
