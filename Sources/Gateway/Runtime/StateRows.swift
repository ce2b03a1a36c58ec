import Audit
import Base
import Crypto
import Storage

/// The rows of the state, sealed under the state folder's key, each for its own place.
struct StateRows: RowSealing {
    let key: SealingKey
    let random: any RandomSource

    func seal(_ value: [UInt8], at place: StateKey) -> [UInt8]? {
        try? key.seal(value, context: Self.context(place), random: random)
    }

    func open(_ value: [UInt8], at place: StateKey) -> [UInt8]? {
        try? key.open(value, context: Self.context(place))
    }

    private static func context(_ place: StateKey) -> [UInt8] {
        Array("row\n\(place.tenant)\n\(place.table.rawValue)\n\(place.name)".utf8)
    }
}
