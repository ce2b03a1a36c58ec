package import Base

/// What the limits say about one call.
package enum LimitAnswer: Sendable, Equatable {
    case within
    case exceeded(LimitExcess)
}

/// The limit a call would have gone over.
package struct LimitExcess: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case calls, identical, concurrent
        /// The book itself is full of live windows of this tenant.
        case bookFull
    }

    package let kind: Kind
    /// The limit as it was written: `600/min per agent`.
    package let limit: String
    /// When the same call would be admitted, if nobody else calls; nil when no clock decides it.
    package let retryAfter: Duration?

    package init(kind: Kind, limit: String, retryAfter: Duration?) {
        self.kind = kind
        self.limit = limit
        self.retryAfter = retryAfter
    }

    package var code: Refusal.Code {
        switch kind {
        case .calls: .rateLimited
        case .identical: .repeatedCall
        case .concurrent: .tooManyAtOnce
        case .bookFull: .overloaded
        }
    }
}
