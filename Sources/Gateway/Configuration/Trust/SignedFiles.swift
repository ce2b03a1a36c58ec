import Base
import JSON

/// A configuration and its lock as they were read, with the signature that held for them.
package struct SignedFiles: Sendable, Equatable {
    package let signature: ConfigurationSignature
    let files: ConfigurationSignature.Files

    /// The caller has checked it.
    init(_ signature: ConfigurationSignature, for files: ConfigurationSignature.Files) {
        self.signature = signature
        self.files = files
    }

    /// Whether a key signed just these bytes.
    func hold(under trust: TrustAnchor, _ hashing: any Hashing) -> Bool {
        signature.problem(files, trust, hashing) == nil
    }

    // MARK: In the state

    /// The bytes themselves, so that the signature can be checked again at each start.
    var value: JSONValue {
        var object = JSONObject()
        object["configuration"] = JSONValue(Base64.encode(files.configuration))
        if let lock = files.lock { object["lock"] = JSONValue(Base64.encode(lock)) }
        object["signature"] = JSONValue(signature.text)
        return .object(object)
    }

    init(_ node: JSONNode) throws {
        func bytes(_ text: String?) throws -> [UInt8] {
            guard let bytes = text.flatMap({ Base64.decode($0) }) else {
                throw ControlError(.refused, "the accepted configuration in the state is damaged")
            }
            return bytes
        }
        self.init(
            try ConfigurationSignature(
                SourceText(
                    file: ConfigurationSignature.fileName,
                    bytes: node["signature"]?.utf8 ?? []
                )
            ),
            for: ConfigurationSignature.Files(
                configuration: try bytes(node["configuration"]?.string),
                lock: try node["lock"].map { try bytes($0.string) }
            )
        )
    }
}
