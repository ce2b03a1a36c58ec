/// What a server shows and proves: a certificate chain and its private key, in PEM form.
package struct TLSIdentity: Sendable {
    /// How it is called in messages; the path of the certificate's file, say.
    package let name: String
    package let chain: [UInt8]
    package let key: SecretBytes

    package init(name: String, chain: [UInt8], key: SecretBytes) {
        self.name = name
        self.chain = chain
        self.key = key
    }
}

/// Whose certificates a server asks its clients for.
package struct TLSClientTrust: Sendable {
    /// How it is called in messages.
    package let name: String
    /// The authorities, in PEM form.
    package let authorities: [UInt8]
    /// Whether a client without a certificate is refused in the handshake.
    package let isRequired: Bool

    package init(name: String, authorities: [UInt8], isRequired: Bool) {
        self.name = name
        self.authorities = authorities
        self.isRequired = isRequired
    }
}
