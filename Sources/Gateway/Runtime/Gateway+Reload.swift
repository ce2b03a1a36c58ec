import Base
import Crypto

extension Gateway {
    /// Reads the configuration again: all of it is taken over, or nothing.
    package func reload() async {
        do {
            let set = try ConfigurationFiles.read(
                current.configuration.file,
                hashing: OpenSSLHashing()
            )
            try await adopt(set)
            await refreshAll()
            parts.log("reloaded \(set.configuration.file)")
        } catch {
            parts.log("not reloaded: \(error)")
        }
    }
}
